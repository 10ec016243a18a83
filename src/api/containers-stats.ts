/** `GET /containers/{id}/stats`: one sample, or one a second until the container or the client is gone. */
import { setTimeout as delay } from 'node:timers/promises';
import { isEngineError } from '#base/errors.ts';
import { ZERO_TIME } from '#wire/timestamps.ts';
import type { Exchange } from './exchange.ts';
import { drained, sendJson, startStream } from './respond.ts';
import { get, type Route } from './route.ts';

const INTERVAL_MS = 1000;

type Sample = Readonly<Record<string, unknown>>;

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** What Docker sends of a container that does not run. */
const NOTHING: Sample = {
  read: ZERO_TIME,
  pids_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: NO_CPU,
  memory_stats: {},
};

export const containerStatsRoutes: readonly Route[] = [get('/containers/:id/stats', stats)];

async function stats(exchange: Exchange): Promise<void> {
  const streams = exchange.query.get('stream') === null || exchange.flag('stream');
  if (streams) return streamStats(exchange);
  const first = await takeSample(exchange);
  if (exchange.flag('one-shot') || first.sample === NOTHING) {
    sendJson(exchange, 200, describe(first, undefined));
    return;
  }
  await delay(INTERVAL_MS, undefined, { signal: exchange.signal });
  sendJson(exchange, 200, describe(await takeSample(exchange), first.sample));
}

async function streamStats(exchange: Exchange): Promise<void> {
  const { response, signal } = exchange;
  let current = await takeSample(exchange);
  startStream(exchange, 'application/json');
  for (let previous: Sample | undefined; !response.destroyed; ) {
    response.write(`${JSON.stringify(describe(current, previous))}\n`);
    previous = current.sample;
    try {
      await drained(exchange);
      await delay(INTERVAL_MS, undefined, { signal });
      current = await takeSample(exchange);
    } catch {
      // Removed, or the client is gone.
      break;
    }
  }
  response.end();
}

interface Named {
  readonly id: string;
  readonly name: string;
  readonly sample: Sample;
}

/** @throws {EngineError} `not-found`; a container that does not run has nothing to measure, which is no error */
async function takeSample(exchange: Exchange): Promise<Named> {
  const reference = exchange.param('id');
  try {
    return await exchange.engine.containers.stats(reference);
  } catch (error) {
    if (!isEngineError(error, 'conflict')) throw error;
    const { Id, Name } = await exchange.engine.containers.inspect(reference, { size: false });
    return { id: Id, name: Name, sample: NOTHING };
  }
}

/** Clients compute processor use from the difference to the sample before. */
function describe({ id, name, sample }: Named, previous: Sample | undefined): Sample {
  return {
    ...sample,
    preread: previous?.['read'] ?? ZERO_TIME,
    precpu_stats: previous?.['cpu_stats'] ?? NO_CPU,
    name: name.startsWith('/') ? name : `/${name}`,
    id,
  };
}
