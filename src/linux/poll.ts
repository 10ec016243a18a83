import { koffi } from './libc.ts';

/**
 * Calls back from the event loop, once, when a descriptor is readable or has hung up (uv_poll): no thread, no timer.
 * Until then it keeps the loop alive. Dispose it to stop waiting, before the descriptor is closed.
 */
export function onceReadable(fd: number, callback: () => void): Disposable {
  return onceReady(fd, { readable: true }, callback);
}

/** Waits as {@link onceReadable} does until a descriptor takes more bytes or has hung up. */
export function onceWritable(fd: number, callback: () => void): Disposable {
  return onceReady(fd, { writable: true }, callback);
}

function onceReady(
  fd: number,
  events: { readonly readable: true } | { readonly writable: true },
  callback: () => void,
): Disposable {
  let waiting = true;
  const close = () => {
    if (!waiting) return;
    waiting = false;
    handle.close();
  };
  const handle = koffi().node.poll(fd, events, () => {
    close();
    // The native callback is no place to throw from, and promises resolved in it would not run.
    setImmediate(callback);
  });
  return { [Symbol.dispose]: close };
}

/**
 * Waits until a descriptor is readable.
 *
 * @throws the signal's reason; the descriptor is untouched
 */
export async function untilReadable(fd: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using _watch = onceReadable(fd, resolve);
  const abort = () => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
