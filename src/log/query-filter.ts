import { LineSplitter } from './line-splitter.ts';
import type { LogQuery, LogRecord } from './log.ts';

/**
 * What of a driver's records a query asks for, in the shape it asks for. Records come in the order of time; the first
 * one after `untilNs` ends it.
 */
export async function* applyQuery(
  batches: AsyncIterable<readonly LogRecord[]>,
  query: LogQuery,
): AsyncGenerator<LogRecord> {
  const { sinceNs = 0n, untilNs } = query;
  const streams = new Set(query.streams);
  const splitter = query.perLine ? new LineSplitter() : undefined;
  for await (const batch of batches) {
    for (const record of batch) {
      if (query.signal?.aborted) return;
      if (untilNs !== undefined && record.timeNs > untilNs) {
        if (splitter) yield* splitter.rest();
        return;
      }
      if (record.timeNs < sinceNs || !streams.has(record.stream)) continue;
      if (splitter) yield* splitter.split(record);
      else yield record;
    }
  }
  if (splitter) yield* splitter.rest();
}
