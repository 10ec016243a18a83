import { EngineError } from '#base/errors.ts';
import type { Endpoint } from './host.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** The part of Bun's socket that is used (bun.sh/docs/api/tcp); its types are not installed. */
interface BunSocket {
  /** @returns how many bytes were taken; the rest waits for `drain`. Negative once closed. */
  write(bytes: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
}

interface BunSocketHandlers {
  data(socket: BunSocket, chunk: Buffer): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  close(socket: BunSocket): void;
  error(socket: BunSocket, error: Error): void;
}

interface BunRuntime {
  connect(options: {
    readonly unix: string;
    readonly allowHalfOpen: boolean;
    readonly socket: BunSocketHandlers;
  }): Promise<BunSocket>;
}

/** Bun's own unix sockets. @throws {EngineError} `internal` in another runtime */
export async function openBunTransport(
  endpoint: Extract<Endpoint, { kind: 'unix' }>,
  events: TransportEvents,
): Promise<Transport> {
  const runtime: BunRuntime | undefined = Reflect.get(globalThis, 'Bun');
  if (!runtime) throw new EngineError('internal', 'Cannot open a socket of Bun: this is another runtime');
  const transport = new BunTransport(events);
  transport.socket = await runtime.connect({
    unix: endpoint.path,
    allowHalfOpen: true,
    socket: transport.handlers,
  });
  return transport;
}

class BunTransport implements Transport {
  socket: BunSocket | undefined;
  readonly handlers: BunSocketHandlers;
  /** What the kernel did not take yet. */
  #pending: Uint8Array[] = [];
  #ending = false;
  #closed = false;
  #drained = Promise.withResolvers<void>();

  constructor(events: TransportEvents) {
    const closed = (error?: Error): void => {
      if (this.#closed) return;
      this.#closed = true;
      this.#drained.resolve();
      events.closed(error);
    };
    this.handlers = {
      data: (_, chunk) => events.data(chunk),
      drain: () => this.#flush(),
      end: () => closed(),
      close: () => closed(),
      error: (_, error) => closed(error),
    };
  }

  write(bytes: string | Uint8Array): boolean {
    if (this.#closed) return true;
    this.#pending.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    if (this.#pending.length === 1) this.#flush();
    return this.#pending.length === 0;
  }

  drained(): Promise<void> {
    if (this.#pending.length === 0 || this.#closed) return Promise.resolve();
    return this.#drained.promise;
  }

  end(): void {
    this.#ending = true;
    if (this.#pending.length === 0) this.socket?.shutdown();
  }

  destroy(): void {
    this.socket?.terminate();
  }

  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }

  ref(): void {
    this.socket?.ref();
  }

  unref(): void {
    this.socket?.unref();
  }

  #flush(): void {
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      const taken = Math.max(this.socket?.write(next) ?? 0, 0);
      if (taken < next.length) {
        this.#pending[0] = next.subarray(taken);
        return;
      }
      this.#pending.shift();
    }
    if (this.#ending) this.socket?.shutdown();
    this.#drained.resolve();
    this.#drained = Promise.withResolvers<void>();
  }
}
