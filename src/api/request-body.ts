import { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { Exchange } from './exchange.ts';

/** No client sends a larger description of anything. */
const MAXIMUM_JSON_BYTES = 4 * 1024 * 1024;

/**
 * The text of a JSON body; empty if there is none.
 *
 * @throws {EngineError} `invalid` for another content type, or more than 4 MiB
 */
export function readJsonBody(exchange: Exchange): Promise<string> {
  const { request } = exchange;
  if (hasBody(exchange)) checkContentType(request.headers['content-type']);
  return readTextBody(exchange);
}

/**
 * The same where Docker does not look at the content type.
 *
 * @throws {EngineError} `invalid` for more than 4 MiB
 */
export async function readTextBody(exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  const body: AsyncIterable<Buffer> = bodyStream(exchange);
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAXIMUM_JSON_BYTES) {
      throw new EngineError('invalid', `Cannot read request body: larger than ${MAXIMUM_JSON_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** True if the request's headers announce a body. */
export function hasBody({ request }: Exchange): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/**
 * The request's body as a stream of its own: destroying it half way (an error, an early break) drains the rest, so
 * that the connection lives to carry the answer. It fails with `aborted` if the client goes away.
 */
export function bodyStream({ request, response }: Exchange): Readable {
  const body = new Readable({
    read: () => {
      request.resume();
    },
    destroy: (error, done) => {
      request.off('data', onData);
      request.resume();
      done(error);
    },
  });
  // The client may go away while nothing reads the body.
  body.on('error', () => {});
  const onData = (chunk: Buffer) => {
    if (!body.push(chunk)) request.pause();
  };
  const onGone = () => {
    if (!request.complete)
      body.destroy(new EngineError('aborted', 'Cannot read request body: the client went away'));
  };
  request.on('data', onData);
  request.on('end', () => body.push(null));
  request.on('error', onGone);
  request.on('close', onGone);
  // A body is not read any more after the answer.
  response.once('close', () => body.destroy());
  response.once('finish', () => body.destroy());
  if (request.readableEnded) body.push(null);
  return body;
}

function checkContentType(header: string | undefined): void {
  const type = (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return;
  const shown = type === '' ? 'malformed Content-Type header (): mime: no media type' : undefined;
  throw new EngineError(
    'invalid',
    shown ?? `unsupported Content-Type header (${type}): must be 'application/json'`,
  );
}
