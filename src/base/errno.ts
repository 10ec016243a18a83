/** Failed system calls, ours and Node's, by the symbolic names of errno(3). */

/** The errno of a failure, such as `ENOENT`, or another code that Node gives an error; empty where there is none. */
export function errnoOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('errno' in error && typeof error.errno === 'string') return error.errno;
  return 'code' in error ? String(error.code) : '';
}

/** What `work` returns; undefined where it fails with one of these errnos. Other failures are thrown on. */
export function unlessErrno<T>(work: () => T, ...errnos: readonly string[]): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnos.includes(errnoOf(error))) return undefined;
    throw error;
  }
}
