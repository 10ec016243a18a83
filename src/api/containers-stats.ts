/** `GET /containers/{id}/stats`: one sample, or one a second until the container or the client is gone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerStats, StatsSample } from '#container/views.ts';
import { answerFor } from '#wire/answers.ts';
import { encodeStats } from './container/encode-stats.ts';
import type { Exchange } from './exchange.ts';
import { drained, endStream, sendAnswer, startStream } from './respond.ts';
import { get, type Route } from './route.ts';

const INTERVAL_MS = 1000;

export const containerStatsRoutes: readonly Route[] = [get('/containers/:id/stats', stats)];

async function stats(exchange: Exchange): Promise<void> {
  const streams = exchange.query.get('stream') === null || exchange.flag('stream');
  if (streams) return streamStats(exchange);
  const first = await takeSample(exchange);
  // What does not run cannot be compared with itself a second later.
  if (exchange.flag('one-shot') || !first.sample) {
    sendAnswer(exchange, 'containerStats', encodeStats(first));
    return;
  }
  await delay(INTERVAL_MS, undefined, { signal: exchange.signal });
  sendAnswer(exchange, 'containerStats', encodeStats(await takeSample(exchange), first.sample));
}

async function streamStats(exchange: Exchange): Promise<void> {
  const { response, signal } = exchange;
  let current = await takeSample(exchange);
  startStream(exchange, 'application/json');
  for (let previous: StatsSample | undefined; !response.destroyed; ) {
    const told = answerFor('containerStats', encodeStats(current, previous), exchange.version);
    response.write(`${JSON.stringify(told)}\n`);
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
  endStream(exchange);
}

function takeSample(exchange: Exchange): Promise<ContainerStats> {
  return exchange.engine.containers.stats(exchange.param('id'));
}
