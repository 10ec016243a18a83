import { readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { EngineError } from '#base/errors.ts';
import { diskError } from '#store/disk.ts';
import type { StoredEntry } from './stored-entry.ts';
import { ALIGNMENT_BYTES } from './receive-files.ts';

/** The work between two turns of the event loop: about a millisecond. */
const BURST_BYTES = 1 << 20;

/** Copies the contents of entries from one data file to another, close together. */
export async function copyContents(
  fromFd: number,
  toFd: number,
  entries: readonly StoredEntry[],
): Promise<{ readonly entries: readonly StoredEntry[]; readonly endBytes: number }> {
  const buffer = Buffer.allocUnsafeSlow(BURST_BYTES);
  const moved: StoredEntry[] = [];
  let endBytes = 0;
  let burstBytes = 0;
  for (const stored of entries) {
    const { storedBytes, dataOffset } = stored;
    moved.push(storedBytes === 0 ? stored : { ...stored, dataOffset: endBytes });
    for (let done = 0; done < storedBytes; ) {
      const count = readSync(fromFd, buffer, 0, Math.min(BURST_BYTES, storedBytes - done), dataOffset + done);
      if (count === 0) throw new EngineError('internal', 'Cannot compact build context: its data ends early');
      write(toFd, buffer.subarray(0, count), endBytes + done);
      done += count;
      burstBytes += count;
      if (burstBytes < BURST_BYTES) continue;
      burstBytes = 0;
      await setImmediate();
    }
    endBytes += Math.ceil(storedBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  }
  return { entries: moved, endBytes };
}

function write(fd: number, bytes: Buffer, position: number): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  } catch (error) {
    throw diskError(error, 'build context');
  }
}
