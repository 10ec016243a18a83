/** Trees whose files are on this machine. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { OpenFile, PackageTree, TreeEntry } from './sbom.ts';

const { O_RDONLY, O_NOFOLLOW } = constants;

/** A tree whose files are on this machine. */
export interface LocalTree {
  entries(): AsyncIterable<TreeEntry>;
  /** The path of an entry on this machine, as bytes: names may be no UTF-8. */
  placeOf(entry: TreeEntry): Buffer;
}

export function openLocalTree(tree: LocalTree): PackageTree {
  return {
    entries: () => tree.entries(),
    open: async (entry) => openFileOf(await open(tree.placeOf(entry), O_RDONLY | O_NOFOLLOW)),
  };
}

function openFileOf(handle: FileHandle): OpenFile {
  return {
    read: async (offset, lengthBytes) => {
      // Files may point anywhere.
      if (!Number.isSafeInteger(offset)) return Buffer.alloc(0);
      const bytes = Buffer.alloc(lengthBytes);
      let at = 0;
      while (at < lengthBytes) {
        const { bytesRead } = await handle.read(bytes, at, lengthBytes - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
