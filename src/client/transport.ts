import type { Endpoint } from './host.ts';

/** A connected byte stream, as little of it as HTTP needs. */
export interface Transport {
  /** Takes all of `bytes`; false if the peer is slower, and {@link drained} is worth waiting for. */
  write(bytes: string | Uint8Array): boolean;
  /** Resolves when what was written is with the kernel, or the stream is closed. */
  drained(): Promise<void>;
  /** Half-closes: the peer sees the end of input after what was written. */
  end(): void;
  destroy(): void;
  pause(): void;
  resume(): void;
  /** Whether an open stream keeps the process alive. */
  ref(): void;
  unref(): void;
}

export interface TransportEvents {
  data(chunk: Buffer): void;
  /** The peer sent its last byte, or the stream failed; called once. */
  closed(error?: Error): void;
}

/**
 * Connects; `events` begin when the result is there. On Bun its own sockets are used: they load in no time, where
 * its `node:net` takes 3 ms of 10.
 *
 * @throws {Error} what connecting failed with, its `code` such as ENOENT
 */
export async function openTransport(endpoint: Endpoint, events: TransportEvents): Promise<Transport> {
  if (endpoint.kind === 'ssh') {
    const { openSshTransport } = await import('./ssh-transport.ts');
    return openSshTransport(endpoint, events);
  }
  if (endpoint.kind === 'unix' && process.versions.bun !== undefined) {
    const { openBunTransport } = await import('./bun-transport.ts');
    return openBunTransport(endpoint, events);
  }
  const { openNodeTransport } = await import('./node-transport.ts');
  return openNodeTransport(endpoint, events);
}
