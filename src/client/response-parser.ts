import { EngineError } from '#base/errors.ts';

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; the last of equal names counts. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ResponseEvents {
  head(head: ResponseHead): void;
  body(chunk: Buffer): void;
  /** The body is complete; the connection may carry another request if `reusable`. */
  end(reusable: boolean): void;
}

type Phase =
  | { readonly name: 'head' }
  | { readonly name: 'length'; left: number }
  | { readonly name: 'chunk-size' }
  | { readonly name: 'chunk'; left: number }
  | { readonly name: 'chunk-end' }
  | { readonly name: 'trailers' }
  | { readonly name: 'until-close' }
  | { readonly name: 'done' };

/**
 * Reads one HTTP/1.1 response (RFC 9112) from bytes as they arrive. After `101 Switching Protocols` everything up
 * to the close is body. Node's own client is not used because loading it costs half of this client's start-up.
 */
export class ResponseParser {
  readonly #events: ResponseEvents;
  readonly #bodyless: boolean;
  #phase: Phase = { name: 'head' };
  #pending: Buffer = EMPTY;
  #keepAlive = true;

  /** @param bodyless the request was HEAD: its response has headers alone */
  constructor(events: ResponseEvents, bodyless: boolean) {
    this.#events = events;
    this.#bodyless = bodyless;
  }

  /** @throws {EngineError} `internal` if the bytes are not HTTP */
  push(chunk: Buffer): void {
    let rest: Buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = EMPTY;
    while (rest.length > 0) {
      const next = this.#step(rest);
      if (next === undefined) {
        this.#pending = rest;
        return;
      }
      rest = next;
    }
  }

  /** The peer closed. @throws {EngineError} `unavailable` if the response was not complete */
  close(): void {
    if (this.#phase.name === 'until-close') this.#finish(false);
    else if (this.#phase.name !== 'done') {
      throw new EngineError('unavailable', 'The engine closed the connection before its answer was complete');
    }
  }

  /** Takes what it can from the front of `bytes`; undefined where more are needed first. */
  #step(bytes: Buffer): Buffer | undefined {
    const phase = this.#phase;
    switch (phase.name) {
      case 'head':
        return this.#head(bytes);
      case 'length':
        return this.#counted(bytes, phase, () => this.#finish(this.#keepAlive));
      case 'chunk':
        return this.#counted(bytes, phase, () => (this.#phase = { name: 'chunk-end' }));
      case 'chunk-size':
        return this.#line(bytes, (line) => this.#chunkSize(line));
      case 'chunk-end':
        return this.#line(bytes, () => (this.#phase = { name: 'chunk-size' }));
      case 'trailers':
        return this.#line(bytes, (line) => line === '' && this.#finish(this.#keepAlive));
      case 'until-close':
        this.#events.body(bytes);
        return EMPTY;
      case 'done':
        return EMPTY;
    }
  }

  #head(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = parseHead(bytes.toString('latin1', 0, end));
    if (head.status >= 100 && head.status < 200 && head.status !== 101) return bytes.subarray(end + 4);
    this.#keepAlive = !/close/i.test(head.headers['connection'] ?? '');
    this.#phase = this.#bodyPhase(head);
    this.#events.head(head);
    if (this.#phase.name === 'length' && this.#phase.left === 0) this.#finish(this.#keepAlive);
    return bytes.subarray(end + 4);
  }

  #bodyPhase({ status, headers }: ResponseHead): Phase {
    if (status === 101) return { name: 'until-close' };
    if (this.#bodyless || status === 204 || status === 304) return { name: 'length', left: 0 };
    if (/chunked/i.test(headers['transfer-encoding'] ?? '')) return { name: 'chunk-size' };
    const length = headers['content-length'];
    return length === undefined ? { name: 'until-close' } : { name: 'length', left: Number(length) };
  }

  #counted(bytes: Buffer, phase: { left: number }, done: () => unknown): Buffer {
    const taken = bytes.subarray(0, phase.left);
    phase.left -= taken.length;
    if (taken.length > 0) this.#events.body(taken);
    if (phase.left === 0) done();
    return bytes.subarray(taken.length);
  }

  #line(bytes: Buffer, take: (line: string) => unknown): Buffer | undefined {
    const end = bytes.indexOf('\r\n');
    if (end < 0) return undefined;
    take(bytes.toString('latin1', 0, end));
    return bytes.subarray(end + 2);
  }

  #chunkSize(line: string): void {
    const size = Number.parseInt(line, 16);
    if (Number.isNaN(size)) throw notHttp(line);
    this.#phase = size === 0 ? { name: 'trailers' } : { name: 'chunk', left: size };
  }

  #finish(reusable: boolean): void {
    this.#phase = { name: 'done' };
    this.#events.end(reusable);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

function parseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) throw notHttp(first);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(status), headers };
}

function notHttp(line: string): EngineError {
  return new EngineError(
    'internal',
    `Cannot read the engine's answer: it begins with ${JSON.stringify(line.slice(0, 40))}; is something else listening there, or TLS missing?`,
  );
}
