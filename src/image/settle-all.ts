/**
 * As `Promise.all`, but nothing is still running when it rejects: work that writes must have ended before what it
 * wrote is cleared away.
 */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
