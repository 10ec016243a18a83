import { closeSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import type { BuildParts } from './build-parts.ts';
import type { BuildRequest } from './build.ts';
import { compileIgnore, type IgnoreMatcher, ignoreFileNames, parseIgnoreFile } from './dockerfile/ignore.ts';

/** The files of one build, gone when it is disposed. */
export interface BuildContext extends AsyncDisposable {
  /** What the client sent, owned by root as in Docker. */
  readonly directory: string;
  /** A directory for files that the Dockerfile holds itself. */
  makeDirectory(): string;
  /** A text in the context; undefined if there is none. Links stay inside. */
  read(path: string): string | undefined;
}

/** @throws {EngineError} `invalid` for an archive that is damaged or leads out of its directory */
export async function receiveContext(
  { archive, workDirectory }: BuildParts,
  { context, signal }: Pick<BuildRequest, 'context' | 'signal'>,
): Promise<BuildContext> {
  const root = mkdtempSync(join(workDirectory, 'build-'));
  const remove = () => rm(root, { recursive: true, force: true });
  const directory = join(root, 'context');
  mkdirSync(directory, { mode: 0o755 });
  try {
    const owner = { uid: 0, gid: 0 };
    await archive.put(directory, '/', context, {
      noOverwriteDirNonDir: false,
      copyUidGid: true,
      owner,
      signal,
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    directory,
    makeDirectory: () => mkdtempSync(join(root, 'files-')),
    read: (path) => readInside(directory, path),
    [Symbol.asyncDispose]: remove,
  };
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

/** Removes what the ignore file says: clients need not have heeded it. */
export async function applyIgnoreFile(context: BuildContext, dockerfilePath: string): Promise<void> {
  const text = ignoreFileNames(dockerfilePath)
    .map((name) => context.read(name))
    .find((content) => content !== undefined);
  const matcher = compileIgnore(parseIgnoreFile(text ?? ''));
  if (matcher.isEmpty) return;
  await removeIgnored(context.directory, '', matcher);
}

async function removeIgnored(root: string, directory: string, matcher: IgnoreMatcher): Promise<void> {
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    const isDirectory = entry.isDirectory();
    const isIgnored = matcher.matches(path);
    if (isIgnored && (!isDirectory || matcher.canSkip(path)))
      await rm(join(root, path), { recursive: true, force: true });
    else if (isDirectory) await removeIgnored(root, path, matcher);
  }
}

/** @throws {EngineError} `invalid` */
export function readDockerfile(context: BuildContext, path: string): string {
  const text = context.read(path);
  if (text === undefined) throw new EngineError('invalid', `Cannot locate specified Dockerfile: ${path}`);
  if (text.trim() === '') throw new EngineError('invalid', `the Dockerfile (${path}) cannot be empty`);
  return text;
}
