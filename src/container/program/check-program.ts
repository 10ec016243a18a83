import { fstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { readBinaryHandlers } from '#linux/binfmt-misc.ts';
import { isErrno } from '#linux/errno.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { PROGRAM_HEAD_BYTES, type ProgramFormat, programFormat } from '#oci/program-format.ts';
import type { RuntimeProcess } from '#oci/runtime-spec.ts';
import { containerError } from '../container-errors.ts';
import type { RootAccess } from '../files/root-access.ts';
import { BareRoot } from './bare-root.ts';
import { mayRunNatively, missingEmulator } from './emulation.ts';

/** The depth to which the kernel follows interpreters. */
const MAXIMUM_INTERPRETERS = 5;

export interface ProgramPlace {
  /** The mounted root. */
  readonly rootPath: string;
  readonly process: Pick<RuntimeProcess, 'args' | 'env' | 'cwd'>;
  /** What the runtime puts over the root. */
  readonly mounts: readonly { readonly destination: string }[];
  /** A process whose mounts count instead while it runs, since a container's own processes may mount too. */
  readonly pid?: number;
}

/**
 * Finds out before a process is started that the kernel would refuse its program with ENOEXEC, or would not find its
 * emulator, the interpreter of a script or a program's dynamic loader. The runtime learns it only when the container
 * runs, and reports it in the container's output, without the name of what is missing. What is not certain
 * is left to the kernel.
 *
 * @throws {EngineError} `interpreter-missing`, `program-cannot-run`
 */
export function checkProgram(place: ProgramPlace, access: RootAccess): void {
  const { rootPath, process } = place;
  using root = new BareRoot(rootPath, mountsOf(place), access);
  const [name = ''] = process.args;
  let problem: Problem | undefined;
  let found = findProgram(root, process);
  const subject = !found || found.path === name ? name : `${name} (${found.path})`;
  for (let depth = 0; found && problem === undefined && depth < MAXIMUM_INTERPRETERS; depth++) {
    const { format } = found;
    if (format.kind === 'script') {
      const interpreter = resolve(process.cwd, format.interpreter);
      if (root.isMissing(interpreter)) problem = missingInterpreter(format.interpreter);
      found = readProgram(root, interpreter);
    } else {
      problem = isNative(format) ? loaderProblem(root, format) : handlerProblem(root, found);
      found = undefined;
    }
  }
  if (problem) throw containerError(problem.reason, { subject, details: { problem: problem.text } });
}

interface Problem {
  readonly reason: 'interpreter-missing' | 'program-cannot-run';
  readonly text: string;
}

function mountsOf({ mounts, pid }: ProgramPlace): ProgramPlace['mounts'] {
  if (pid === undefined) return mounts;
  try {
    return listMounts(pid).map(({ target }) => ({ destination: target }));
  } catch (error) {
    // It has ended meanwhile, as the runtime will say.
    if (isErrno(error, 'ENOENT', 'EINVAL', 'ESRCH')) return mounts;
    throw error;
  }
}

interface FoundProgram {
  /** In the container, without links. */
  readonly path: string;
  readonly head: Buffer;
  readonly format: ProgramFormat;
}

/** Looks for the program as the runtimes do; one that may be in a mount is not found. */
function findProgram(root: BareRoot, { args, env, cwd }: ProgramPlace['process']): FoundProgram | undefined {
  const [name = ''] = args;
  if (name.includes('/')) return readProgram(root, resolve(cwd, name));
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  for (const directory of path.split(':').filter(Boolean)) {
    const candidate = resolve(cwd, directory, name);
    const found = readProgram(root, candidate);
    if (found || root.isCovered(candidate)) return found;
  }
  return undefined;
}

/** Undefined where there is none, or none to be looked at. */
function readProgram(root: BareRoot, path: string): FoundProgram | undefined {
  if (root.isCovered(path)) return undefined;
  using found = root.open(path);
  if (!found) return undefined;
  const stats = fstatSync(found.fd);
  if (!stats.isFile() || (stats.mode & 0o111) === 0) return undefined;
  const realPath = root.pathOf(found);
  if (root.isCovered(realPath)) return undefined;
  const head = root.readHead(found, Buffer.alloc(PROGRAM_HEAD_BYTES));
  return { path: realPath, head, format: programFormat(head) };
}

function missingInterpreter(interpreter: string): Problem {
  const advice = interpreter.endsWith('\r')
    ? 'the line ends with a carriage return, so save the file with the line ends of Unix'
    : 'install it in the image, or name one that is there';
  const text =
    `no such file or directory: ${JSON.stringify(interpreter)}, the interpreter that its first line names, ` +
    `is not in the container; ${advice}`;
  return { reason: 'interpreter-missing', text };
}

interface NativeProgram {
  readonly kind: 'program';
  readonly architecture: string;
  readonly loader?: string;
}

function isNative(format: ProgramFormat): format is NativeProgram {
  return (
    format.kind === 'program' && format.architecture !== undefined && mayRunNatively(format.architecture)
  );
}

function loaderProblem(root: BareRoot, { loader }: NativeProgram): Problem | undefined {
  if (loader === undefined || !loader.startsWith('/') || !root.isMissing(loader)) return undefined;
  const text =
    `no such file or directory: ${loader}, the dynamic loader that it is linked for, is not in the container; ` +
    `use a base image with that C library, or link the program statically`;
  return { reason: 'interpreter-missing', text };
}

function handlerProblem(root: BareRoot, { path, head, format }: FoundProgram): Problem | undefined {
  const handlers = readBinaryHandlers()?.filter((handler) => handler.matches(path, head));
  const isUsable = handlers?.some(
    ({ enabled, held, interpreter }) => enabled && (held || root.mayBeThere(interpreter)),
  );
  if (!handlers || isUsable) return undefined;
  const problem =
    format.kind === 'program'
      ? missingEmulator(format.architecture, handlers)
      : 'it is neither a Linux program nor a script, whose first line is #! and its interpreter';
  return { reason: 'program-cannot-run', text: `exec format error: ${problem}` };
}
