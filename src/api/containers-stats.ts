/** `GET /containers/{id}/stats`: one sample, or one a second until the container or the client is gone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerStats } from '#container/container.ts';
import { ZERO_TIME } from '#base/timestamps.ts';
import type { Exchange } from './exchange.ts';
import { drained, sendJson, startStream } from './respond.ts';
import { get, type Route } from './route.ts';

const INTERVAL_MS = 1000;

type Sample = ContainerStats['sample'];

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

export const containerStatsRoutes: readonly Route[] = [get('/containers/:id/stats', stats)];

async function stats(exchange: Exchange): Promise<void> {
  const streams = exchange.query.get('stream') === null || exchange.flag('stream');
  if (streams) return streamStats(exchange);
  const first = await takeSample(exchange);
  // What does not run cannot be compared with itself a second later.
  if (exchange.flag('one-shot') || first.sample['read'] === ZERO_TIME) {
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

function takeSample(exchange: Exchange): Promise<ContainerStats> {
  return exchange.engine.containers.stats(exchange.param('id'));
}

/** Clients compute processor use from the difference to the sample before. */
function describe({ id, name, sample }: ContainerStats, previous: Sample | undefined): Sample {
  return {
    ...sample,
    preread: previous?.['read'] ?? ZERO_TIME,
    precpu_stats: previous?.['cpu_stats'] ?? NO_CPU,
    name: name.startsWith('/') ? name : `/${name}`,
    id,
  };
}
