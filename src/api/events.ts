/** `GET /events`: one JSON object a line, each sent when it happens. */
import { EngineError } from '#base/errors.ts';
import { parseUnixTimestamp } from '#base/timestamps.ts';
import { answerFor } from '#wire/answers.ts';
import { encodeEvent } from './encode-event.ts';
import type { Exchange } from './exchange.ts';
import { acceptedType } from './accepted-type.ts';
import { drained, endStream, startStream } from './respond.ts';
import { get, type Route } from './route.ts';

const JSON_SEQUENCE = 'application/json-seq';
const STREAM_TYPES = ['application/jsonl', 'application/x-ndjson', JSON_SEQUENCE];

export const eventRoutes: readonly Route[] = [get('/events', events)];

async function events(exchange: Exchange): Promise<void> {
  const { response, signal } = exchange;
  const range = timeRange(exchange);
  const stream = exchange.engine.events({ ...range, filters: exchange.filters(), signal });
  const usual = exchange.speaks('1.52') ? 'application/jsonl' : 'application/json';
  const contentType = acceptedType(exchange.request, STREAM_TYPES) ?? usual;
  // RFC 7464: each text begins with a record separator.
  const prefix = contentType === JSON_SEQUENCE ? '\x1e' : '';
  startStream(exchange, contentType);
  for await (const event of stream) {
    if (response.destroyed) break;
    const told = answerFor('event', encodeEvent(event), exchange.version);
    response.write(`${prefix}${JSON.stringify(told)}\n`);
    await drained(exchange);
  }
  endStream(exchange);
}

function timeRange(exchange: Exchange): { readonly sinceNs?: bigint; readonly untilNs?: bigint } {
  const sinceNs = parseUnixTimestamp(exchange.text('since'));
  const untilNs = parseUnixTimestamp(exchange.text('until'));
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
    const [since, until] = [exchange.text('since'), exchange.text('until')];
    throw new EngineError('invalid', `\`since\` time (${since}) cannot be after \`until\` time (${until})`);
  }
  return { ...(sinceNs !== undefined && { sinceNs }), ...(untilNs !== undefined && { untilNs }) };
}
