import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs';

type Placed = readonly [path: Buffer, stats: BigIntStats];

const BUFFER_BYTES = 1 << 18;
const [first, second] = [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)];

/** Compares two files of one kind and size. */
export function haveSameContents([one, stats]: Placed, [other, otherStats]: Placed): boolean {
  if (stats.ino === otherStats.ino && stats.dev === otherStats.dev) return true;
  if (stats.isSymbolicLink()) {
    const options = { encoding: 'buffer' } as const;
    return readlinkSync(one, options).equals(readlinkSync(other, options));
  }
  if (!stats.isFile()) return true;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const oneFd = openSync(one, flags);
  try {
    const otherFd = openSync(other, flags);
    try {
      return areEqual(oneFd, otherFd);
    } finally {
      closeSync(otherFd);
    }
  } finally {
    closeSync(oneFd);
  }
}

function areEqual(one: number, other: number): boolean {
  for (;;) {
    const count = readSync(one, first, 0, BUFFER_BYTES, null);
    const otherCount = readSync(other, second, 0, BUFFER_BYTES, null);
    if (!first.subarray(0, count).equals(second.subarray(0, otherCount))) return false;
    if (count === 0) return true;
  }
}
