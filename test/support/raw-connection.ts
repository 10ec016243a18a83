import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { plainDescriptor, unreadBytes } from '#linux/plain-socket.ts';
import { until } from '#base/testing.ts';

/** One connection to an engine's socket with nothing between the test and the bytes. */
export class RawConnection implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;

  /**
   * A `late` one reads nothing before {@link firstPiece} asks for it.
   *
   * @param target the path of a unix socket, or a port of 127.0.0.1
   */
  constructor(target: string | number, when: 'at-once' | 'late' = 'at-once') {
    const where = typeof target === 'string' ? { path: target } : { host: '127.0.0.1', port: target };
    this.#socket = connect({ ...where, allowHalfOpen: true });
    if (when === 'late') this.#socket.pause();
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

  /** Waits until what was sent has left this process, or cannot. */
  async sent(): Promise<void> {
    if (this.isClosed || !this.#socket.writableNeedDrain) return;
    const done = new AbortController();
    const turns = ['drain', 'close'].map((event) => once(this.#socket, event, { signal: done.signal }));
    // The error of a connection that the other side has closed is no news.
    await Promise.race(turns).catch(() => undefined);
    done.abort();
    await Promise.allSettled(turns);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Waits until the server has read all that was sent. */
  async taken(): Promise<void> {
    await until(() => {
      const fd = plainDescriptor(this.#socket);
      const isInKernel = !this.#socket.connecting && this.#socket.writableLength === 0;
      return isInKernel && fd !== undefined && unreadBytes(fd) === 0;
    }, 'the server reads what was sent');
  }

  /** What a first read gets, however much it has room for. */
  async firstPiece(): Promise<string> {
    this.#socket.resume();
    const [piece] = await once(this.#socket, 'data', { signal: AbortSignal.timeout(120_000) });
    this.#received = Buffer.alloc(0);
    return String(piece);
  }

  /** No more from this side; the other may go on. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Ends the connection as the death of a client would. */
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
