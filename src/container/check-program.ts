import { constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { type BinaryHandler, readBinaryHandlers } from '#linux/binfmt-misc.ts';
import { O_PATH } from '#linux/constants.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { PROGRAM_HEAD_BYTES, programFormat } from '#oci/program-format.ts';
import type { RuntimeProcess } from '#oci/runtime-spec.ts';
import { mayRunNatively, missingEmulator } from './emulation.ts';

/** As deep as the kernel goes. */
const MAXIMUM_INTERPRETERS = 5;

export interface ProgramPlace {
  /** The mounted root. */
  readonly rootPath: string;
  readonly process: Pick<RuntimeProcess, 'args' | 'env' | 'cwd'>;
  /** What the runtime puts over the root, and nobody can look into yet. */
  readonly mounts: readonly { readonly destination: string }[];
}

/**
 * Finds out before a process is started that the kernel would refuse its program with ENOEXEC, or would look in vain
 * for its emulator: the runtime notices only when the container runs, and says it in the container's output. What is
 * not certain is left to the kernel.
 *
 * @throws {EngineError} `invalid` with what to do
 */
export function checkProgram(place: ProgramPlace): void {
  const { args, cwd } = place.process;
  const [name = ''] = args;
  using root = ownFd(openDirectory(place.rootPath));
  let found = findProgram(root.fd, name, place);
  for (let depth = 0; found && depth < MAXIMUM_INTERPRETERS; depth++) {
    const format = programFormat(found.head);
    if (format.kind !== 'script') return checkFormat(root.fd, name, found, place);
    found = readProgram(root.fd, resolve(cwd, format.interpreter), place);
  }
}

interface FoundProgram {
  /** In the container, without links. */
  readonly path: string;
  readonly head: Buffer;
}

/** As the runtimes look for it; one that a mount may have is not known. */
function findProgram(rootFd: number, name: string, place: ProgramPlace): FoundProgram | undefined {
  const { cwd, env } = place.process;
  if (name.includes('/')) return readProgram(rootFd, resolve(cwd, name), place);
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  for (const directory of path.split(':').filter(Boolean)) {
    const candidate = resolve(cwd, directory, name);
    const found = readProgram(rootFd, candidate, place);
    if (found || isBelowMount(candidate, place.mounts)) return found;
  }
  return undefined;
}

/** Undefined where there is none, or none to be looked at. */
function readProgram(rootFd: number, path: string, { mounts }: ProgramPlace): FoundProgram | undefined {
  if (isBelowMount(path, mounts)) return undefined;
  using found = openIfThere(rootFd, path);
  if (!found) return undefined;
  const stats = fstatSync(found.fd);
  if (!stats.isFile() || (stats.mode & 0o111) === 0) return undefined;
  const realPath = `/${relative(pathOf(rootFd), pathOf(found.fd))}`;
  return isBelowMount(realPath, mounts) ? undefined : { path: realPath, head: readHead(found.fd) };
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

function openIfThere(rootFd: number, path: string): OwnedFd | undefined {
  try {
    return ownFd(openInRoot(rootFd, path, O_PATH));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EXDEV')) return undefined;
    throw error;
  }
}

function isThere(rootFd: number, path: string): boolean {
  using found = openIfThere(rootFd, path);
  return found !== undefined;
}

function readHead(pathFd: number): Buffer {
  using file = ownFd(openSync(`/proc/self/fd/${pathFd}`, constants.O_RDONLY));
  const head = Buffer.alloc(PROGRAM_HEAD_BYTES);
  return head.subarray(0, readSync(file.fd, head, 0, head.length, 0));
}

function isBelowMount(path: string, mounts: ProgramPlace['mounts']): boolean {
  return mounts.some(({ destination }) => path === destination || path.startsWith(`${destination}/`));
}

function checkFormat(rootFd: number, name: string, { path, head }: FoundProgram, place: ProgramPlace): void {
  const format = programFormat(head);
  const architecture = format.kind === 'program' ? format.architecture : undefined;
  if (architecture !== undefined && mayRunNatively(architecture)) return;
  const handlers = readBinaryHandlers()?.filter((handler) => handler.matches(path, head));
  if (!handlers) return;
  const isFound = ({ held, interpreter }: BinaryHandler) =>
    held || isBelowMount(interpreter, place.mounts) || isThere(rootFd, interpreter);
  if (handlers.some((handler) => handler.enabled && isFound(handler))) return;
  const problem =
    format.kind === 'program'
      ? missingEmulator(architecture, handlers)
      : 'it is neither a Linux program nor a script, whose first line is #! and its interpreter';
  const subject = path === name ? name : `${name} (${path})`;
  throw new EngineError('invalid', `Cannot run ${subject}: exec format error: ${problem}`);
}
