/** How long output may follow an exit: a process outside the container can hold its pipes open for ever. */
const DRAIN_TIMEOUT_MS = 2000;

/** Waits for the end of an ended process's pipes, within reason. */
export async function untilDrained(drained: Promise<void>): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
  await Promise.race([drained, timeout]);
  clearTimeout(timer);
}
