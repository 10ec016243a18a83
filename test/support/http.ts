import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { until } from '#base/testing.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * One plain HTTP request over a unix socket, without any client library in between. A string or buffer is sent as it
 * is, a stream in chunks, anything else as JSON.
 */
export function request(
  socketPath: string,
  method: string,
  path: string,
  body?: string | Buffer | Readable | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const payload = payloadOf(body);
  const sent = httpRequest(
    { socketPath, method, path, headers: { Host: 'localhost', ...headersOf(payload), ...headers } },
    (response) => {
      const { statusCode: status = 0, headers } = response;
      void text(response).then((body) => resolve({ status, headers, body }), reject);
    },
  );
  sent.on('error', reject);
  if (payload instanceof Readable) {
    payload.on('error', reject);
    payload.pipe(sent);
  } else {
    sent.end(payload);
  }
  return promise;
}

/** The decoded answer, and an error unless it is a success. */
export async function requestJson<T>(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const answer = await request(socketPath, method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  const decoded: T = JSON.parse(answer.body === '' ? 'null' : answer.body);
  return decoded;
}

/** What a web server says on a published port (`127.0.0.1:1234`), once it listens. */
export async function fetchPage(where: string): Promise<string> {
  let page: string | undefined;
  await until(async () => (page = await tryFetchPage(where)) !== undefined, `a page at ${where}`);
  return page ?? '';
}

/** The same at the first attempt; undefined if nothing answers. */
export async function tryFetchPage(where: string): Promise<string | undefined> {
  const options = { headers: { Connection: 'close' }, signal: AbortSignal.timeout(10_000) };
  try {
    return await (await fetch(`http://${where}/`, options)).text();
  } catch {
    return undefined;
  }
}

type Payload = string | Buffer | Readable | undefined;

function payloadOf(body: string | Buffer | object | undefined): Payload {
  if (body === undefined || typeof body === 'string') return body;
  if (Buffer.isBuffer(body) || body instanceof Readable) return body;
  return JSON.stringify(body);
}

function headersOf(payload: Payload): Readonly<Record<string, string>> {
  if (payload === undefined) return {};
  if (payload instanceof Readable) return { 'Content-Type': 'application/x-tar' };
  return { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(payload)) };
}
