import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs';
import { encodeErofsIndex } from '#layer/erofs-index.ts';
import { scanTar } from '#layer/tar-scan.ts';
import type { DirectoryNode } from '#layer/layer-tree.ts';
import type { IndexJob } from './file-jobs.ts';

/** Validates the archive too. @throws {EngineError} `invalid` if it is hostile or malformed */
export function indexTar({ tar, index, maximumEntries }: IndexJob): boolean {
  const fd = openSync(tar, 'r');
  try {
    const tree = scanTar(fd, { maximumEntries });
    if (tree.hasSparseFiles || hasMarks(tree.root)) return false;
    writeFileSync(index, encodeErofsIndex(tree, fstatSync(fd).size), { flag: 'wx' });
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Names that mean something in layers (`.wh.x`) and are files like any other in a context. */
function hasMarks({ opaque, hasWhiteouts, children }: DirectoryNode): boolean {
  if (opaque || hasWhiteouts) return true;
  return children.values().some((child) => child.type === 'directory' && hasMarks(child));
}
