import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** One connection to an engine's socket with nothing between the test and the bytes. */
export class RawConnection implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;

  constructor(socketPath: string) {
    this.#socket = connect({ path: socketPath, allowHalfOpen: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.#socket.on('end', () => {
      this.#ended = true;
    });
    this.#socket.on('error', () => undefined);
  }

  /** What came and was not taken yet. */
  get received(): Buffer {
    return this.#received;
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** No more from this side; the other may go on. */
  halfClose(): void {
    this.#socket.end();
  }

  /** As a client that is killed. */
  vanish(): void {
    this.#socket.destroy();
  }

  /** Everything up to and with `mark`. */
  async takeUntil(mark: string): Promise<string> {
    while (!this.#received.includes(mark)) {
      if (this.#ended)
        throw new Error(`no ${JSON.stringify(mark)} in ${JSON.stringify(this.#received.toString())}`);
      await this.#more();
    }
    const end = this.#received.indexOf(mark) + mark.length;
    const taken = this.#received.subarray(0, end).toString();
    this.#received = this.#received.subarray(end);
    return taken;
  }

  /** Everything until the server's FIN. */
  async takeAll(): Promise<Buffer> {
    while (!this.#ended) await this.#more();
    const taken = this.#received;
    this.#received = Buffer.alloc(0);
    return taken;
  }

  async #more(): Promise<void> {
    const done = new AbortController();
    const options = { signal: AbortSignal.any([done.signal, AbortSignal.timeout(120_000)]) };
    const turns = ['data', 'end', 'close'].map((event) => once(this.#socket, event, options));
    try {
      await Promise.race(turns);
    } finally {
      done.abort();
      await Promise.allSettled(turns);
    }
    if (this.#socket.destroyed) this.#ended = true;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The head of a request, as a client writes it. */
export function requestHead(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ Host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export const UPGRADE = { Connection: 'Upgrade', Upgrade: 'tcp' };
