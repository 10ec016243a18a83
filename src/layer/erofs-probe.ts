import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountErofs, unmountAll } from '#linux/mount.ts';
import { END_OF_ARCHIVE, encodeHeader, paddingFor } from '#oci/tar-writer.ts';
import { encodeErofsIndex } from './erofs-index.ts';
import { layerPaths } from './layer-directory.ts';
import { scanTar } from './tar-scan.ts';

const CONTENT = Buffer.from('probe');

/**
 * Tries what cannot be known from versions: mounts a tiny layer from a file in `rootDirectory`. It fails where the
 * kernel is older than 6.12, has no EROFS, or the file system cannot serve mounts (tmpfs, some network file systems).
 *
 * @returns undefined if it works, otherwise why it does not
 */
export function probeErofs(rootDirectory: string, runDirectory: string): unknown {
  using stack = new DisposableStack();
  try {
    const directory = mkdtempSync(join(rootDirectory, '.probe-'));
    stack.defer(() => rmSync(directory, { recursive: true }));
    const { tar, index } = layerPaths(directory);
    writeFileSync(tar, probeTar());
    writeFileSync(index, probeIndex(tar));
    const target = mkdtempSync(join(runDirectory, '.probe-'));
    stack.defer(() => rmSync(target, { recursive: true }));
    mountErofs({ target, index, device: tar });
    stack.defer(() => unmountAll(target));
    return readFileSync(join(target, 'probe')).equals(CONTENT) ? undefined : new Error('wrong content');
  } catch (error) {
    return error;
  }
}

function probeTar(): Buffer {
  const header = encodeHeader({ path: 'probe', type: 'file', sizeBytes: CONTENT.length });
  return Buffer.concat([header, CONTENT, paddingFor(CONTENT.length), END_OF_ARCHIVE]);
}

function probeIndex(tar: string): Buffer {
  const fd = openSync(tar, 'r');
  try {
    return encodeErofsIndex(scanTar(fd, { maximumEntries: 1 }), probeTar().length);
  } finally {
    closeSync(fd);
  }
}
