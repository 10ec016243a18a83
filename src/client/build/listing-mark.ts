import type { Stats } from 'node:fs';

/** One of the runtime's own: a library of hashes takes longer to load than all else that a listing needs. */
export type HashBytes = (bytes: string | Uint8Array) => string;

export interface MarkedFile {
  readonly path: string;
  readonly stats: Stats;
}

/** What was changed so lately may change once more without its time changing: a clock has its steps. */
const SETTLED_MS = 2000;

/**
 * The mark of a directory's files, made of their names, inodes and ctimes, which every change of a file changes
 * (inode(7)). Where two marks are equal, the files and their attributes are the same.
 *
 * @returns undefined for what cannot be recognized yet
 */
export function markOf(
  files: readonly MarkedFile[],
  { hash, nowMs }: { readonly hash: HashBytes; readonly nowMs: number },
): string | undefined {
  const numbers = new Float64Array(files.length * 3);
  let at = 0;
  let names = '';
  for (const { path, stats } of files) {
    if (stats.ctimeMs > nowMs - SETTLED_MS) return undefined;
    names += `${path}\0`;
    numbers[at++] = stats.dev;
    numbers[at++] = stats.ino;
    numbers[at++] = stats.ctimeMs;
  }
  return `${hash(names)}.${hash(new Uint8Array(numbers.buffer))}`;
}

export function ownHash(): HashBytes {
  const bun: { hash(bytes: string | Uint8Array): bigint } | undefined = Reflect.get(globalThis, 'Bun');
  if (bun) return (bytes) => bun.hash(bytes).toString(36);
  const { hash } = process.getBuiltinModule('node:crypto');
  return (bytes) => hash('sha1', bytes, 'base64');
}
