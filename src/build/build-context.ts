import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  openSync,
  writeFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
} from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { plainTar } from '#layer/plain-tar.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { listMounts, mountErofs, unmountAll } from '#linux/mount.ts';
import { diskError } from '#store/disk.ts';
import type { BuildParts } from './build-parts.ts';
import type { BuildRequest, LocalFiles } from './build.ts';
import { Holds } from './holds.ts';
import { ignoreFileNames, parseIgnoreFile } from './dockerfile/ignore.ts';

const MAXIMUM_ENTRIES = 5_000_000;

/** The files of one build, gone when it is disposed. */
export interface BuildContext extends AsyncDisposable {
  /** What the client sent, without what the ignore file says: clients need not have heeded it. */
  readonly files: LocalFiles;
  /** A directory for files that the Dockerfile holds itself. */
  makeDirectory(): string;
  /** A text in the context; undefined if there is none. Links stay inside. */
  read(path: string): string | undefined;
}

/**
 * Keeps the context as the one file that it comes as, and mounts it: thousands of small files need not be made. Where
 * the kernel cannot, or the archive has sparse files, it is extracted.
 *
 * @throws {EngineError} `invalid` for an archive that is damaged or leads out of its directory
 */
export async function receiveContext(parts: BuildParts, request: BuildRequest): Promise<BuildContext> {
  await using undo = new AsyncDisposableStack();
  const root = mkdtempSync(join(parts.workDirectory, 'build-'));
  undo.defer(() => rm(root, { recursive: true, force: true }));
  const tar = join(root, 'context.tar');
  const directory = join(root, 'context');
  mkdirSync(directory, { mode: 0o755 });
  const identity = await writeTar(request, tar);
  if (await canMount(parts, tar)) {
    mountErofs({ target: directory, index: `${tar}.index`, device: tar });
    undo.defer(() => unmountAll(directory));
  } else await extract(parts, tar, directory, request.signal);
  const read = (path: string) => readInside(directory, path);
  const names = ignoreFileNames(request.dockerfile);
  const ignoreFile = names.map(read).find((text) => text !== undefined);
  const holds = new Holds();
  undo.defer(() => holds.released());
  const kept = undo.move();
  return {
    files: {
      kind: 'local',
      directory,
      ignore: parseIgnoreFile(ignoreFile ?? ''),
      identity,
      hold: holds.acquire,
    },
    makeDirectory: () => mkdtempSync(join(root, 'files-')),
    read,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Without its compression. Small synchronous writes are faster here than a stream's. @returns a hash of it all */
async function writeTar({ context, signal }: BuildRequest, path: string): Promise<string> {
  if (context.kind !== 'tar')
    throw new EngineError(
      'not-implemented',
      'Cannot receive build context: only archives can be received yet',
    );
  const hash = createHash('sha256');
  const fd = openSync(path, 'wx', 0o600);
  try {
    for await (const chunk of plainTar(context.stream)) {
      signal.throwIfAborted();
      hash.update(chunk);
      writeFileSync(fd, chunk);
    }
  } catch (error) {
    throw diskError(error, 'build context');
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

async function canMount({ layers, files }: BuildParts, tar: string): Promise<boolean> {
  if (layers.kind !== 'erofs') return false;
  return await files.index({ tar, index: `${tar}.index`, maximumEntries: MAXIMUM_ENTRIES });
}

async function extract(
  { archive }: BuildParts,
  tar: string,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { noOverwriteDirNonDir: false, copyUidGid: false, signal };
  await archive.put(directory, '/', createReadStream(tar, { highWaterMark: 1 << 18 }), options);
}

/** What builds of a former process have left. */
export async function removeFormerContexts(workDirectory: string): Promise<void> {
  for (const { target } of listMounts()) if (target.startsWith(`${workDirectory}/`)) unmountAll(target);
  const left = await readdir(workDirectory);
  await Promise.all(left.map((name) => rm(join(workDirectory, name), { recursive: true, force: true })));
}

function readInside(directory: string, path: string): string | undefined {
  using root = ownFd(openDirectory(directory));
  try {
    const fd = openInRoot(root.fd, path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR')) return undefined;
    throw error;
  }
}

/** @throws {EngineError} `invalid` */
export function readDockerfile(context: BuildContext, path: string): string {
  const text = context.read(path);
  if (text === undefined) throw new EngineError('invalid', `Cannot locate specified Dockerfile: ${path}`);
  if (text.trim() === '') throw new EngineError('invalid', `the Dockerfile (${path}) cannot be empty`);
  return text;
}
