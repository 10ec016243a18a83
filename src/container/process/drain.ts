/** How long output may follow an exit: a process outside the container can hold its pipes open for ever. */
const DRAIN_TIMEOUT_MS = 2000;
/** Waits in which the pipes are read, however long this process itself was held up. */
const WAITS = 20;

/** Waits for the end of an ended process's pipes, for a bounded time. */
export async function untilDrained(drained: Promise<void>): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>();
  let waits = 0;
  const timer = setInterval(() => {
    if (++waits === WAITS) resolve();
  }, DRAIN_TIMEOUT_MS / WAITS);
  try {
    await Promise.race([drained, timeout]);
  } finally {
    clearInterval(timer);
  }
}
