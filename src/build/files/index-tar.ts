import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs';
import { encodeErofsIndex } from '#layer/erofs-index.ts';
import { scanTar } from '#layer/tar-scan.ts';
import type { IndexJob } from './file-jobs.ts';

/** Validates the archive too. @throws {EngineError} `invalid` if it is hostile or malformed */
export function indexTar({ tar, index, maximumEntries }: IndexJob): boolean {
  const fd = openSync(tar, 'r');
  try {
    const tree = scanTar(fd, { maximumEntries });
    if (tree.hasSparseFiles) return false;
    writeFileSync(index, encodeErofsIndex(tree, fstatSync(fd).size), { flag: 'wx' });
    return true;
  } finally {
    closeSync(fd);
  }
}
