import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { verifiedTar } from '#layer/plain-tar.ts';
import { isErrno } from '#linux/errno.ts';
import { mountErofs, unmountAll } from '#linux/mount.ts';
import { paddingFor } from '#oci/tar-writer.ts';
import { diskError } from '#store/disk.ts';
import type { LocalFiles } from '../definition/vertex.ts';
import { UseCount } from '#base/use-count.ts';
import { openRegularFile } from '../files/open-regular-file.ts';
import type { ContextSourceFiles, FileIntake, SourceOptions } from './context-source.ts';

const MAXIMUM_ENTRIES = 5_000_000;

/**
 * Receives an archive, keeps it as the one file that it is, and mounts it: thousands of small files need not be made.
 * Where the kernel cannot, or the archive has sparse files, it is extracted.
 *
 * @param stream may be compressed
 * @throws {EngineError} `invalid` for an archive that is damaged or leads out of its directory
 */
export async function receiveArchive(
  intake: FileIntake,
  stream: Readable,
  { root, signal }: SourceOptions,
): Promise<ContextSourceFiles> {
  await using undo = new AsyncDisposableStack();
  const tar = join(root, 'context.tar');
  const directory = join(root, 'context');
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const identity = await writeTar(stream, tar, signal);
  if (await canMount(intake, tar)) {
    mountErofs({ target: directory, index: `${tar}.index`, device: tar });
    undo.defer(() => unmountAll(directory));
  } else await extract(intake, tar, directory, signal);
  const holds = new UseCount();
  undo.defer(() => holds.unused());
  const kept = undo.move();
  return {
    isWhole: true,
    read: (paths) =>
      Promise.resolve(
        new Map(
          paths.flatMap((path) => {
            const text = readInside(directory, path);
            return text === undefined ? [] : [[path, text]];
          }),
        ),
      ),
    files: (ignore): LocalFiles => ({
      kind: 'local',
      directory,
      ignore,
      identity,
      hold: () => Promise.resolve(holds.use()),
    }),
    receive: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Without its compression. Small synchronous writes are faster here than a stream's. @returns a hash of it all */
async function writeTar(stream: Readable, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const fd = openSync(path, 'wx', 0o600);
  let total = 0;
  try {
    for await (const chunk of verifiedTar(stream)) {
      signal.throwIfAborted();
      total += chunk.length;
      hash.update(chunk);
      writeFileSync(fd, chunk);
    }
    // Docker's clients leave the last block short where the Dockerfile comes from elsewhere.
    writeFileSync(fd, paddingFor(total));
  } catch (error) {
    throw diskError(error, 'build context');
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

async function canMount({ layers, files }: FileIntake, tar: string): Promise<boolean> {
  if (layers.kind !== 'erofs') return false;
  return await files.index({ tar, index: `${tar}.index`, maximumEntries: MAXIMUM_ENTRIES });
}

async function extract(
  { archive }: FileIntake,
  tar: string,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { noOverwriteDirNonDir: false, copyUidGid: false, signal };
  await archive.put(directory, '/', createReadStream(tar, { highWaterMark: 1 << 18 }), options);
}

/** Far above what anyone writes by hand. */
const MAXIMUM_TEXT_BYTES = 16 << 20;

/**
 * @returns undefined if there is no such file.
 * @throws {EngineError} `invalid` for one that is too large to be a text
 */
export function readInside(directory: string, path: string): string | undefined {
  try {
    using file = openRegularFile(directory, path);
    if (fstatSync(file.fd).size <= MAXIMUM_TEXT_BYTES) return readFileSync(file.fd, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
  throw new EngineError('invalid', `Cannot read ${path}: it has more than ${MAXIMUM_TEXT_BYTES >> 20} MiB`);
}
