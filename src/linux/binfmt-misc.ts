/** Programs that the kernel runs by an interpreter: emulators (Documentation/admin-guide/binfmt-misc.rst). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { isErrno } from './errno.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { readIfThere } from './read-if-there.ts';

export const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';
/** Files of the file system that are not handlers. */
const CONTROLS: ReadonlySet<string> = new Set(['register', 'status']);

/** A registered handler. */
export interface BinaryHandler {
  readonly name: string;
  /** False if it is switched off, or all are. */
  readonly enabled: boolean;
  readonly interpreter: string;
  /** Flag F: the kernel holds the interpreter open, so that a container needs none. */
  readonly held: boolean;
  /** True if it is for a file of this path that begins so. */
  readonly matches: (path: string, head: Buffer) => boolean;
}

/** True if the handlers are to be seen, and new ones registered, at the usual place. */
export function isBinfmtMounted(): boolean {
  return existsSync(join(BINFMT_MISC, 'status'));
}

/**
 * The handlers that are registered at this moment; undefined if they cannot be read from here. The kernel uses them
 * even where their file system is not mounted: then it is mounted for the moment, where no other process sees it.
 */
export function readBinaryHandlers(): readonly BinaryHandler[] | undefined {
  if (isBinfmtMounted()) return readHandlers(BINFMT_MISC);
  // In a user namespace of its own the mount would be an empty list, which hides the host's (Linux 6.7).
  if (!isFirstUserNamespace()) return undefined;
  try {
    using context = FilesystemContext.open('binfmt_misc', BINFMT_MISC);
    using mounted = context.create();
    return readHandlers(`/proc/self/fd/${mounted.fd}`);
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return [];
    if (isErrno(error, 'EPERM')) return undefined;
    throw error;
  }
}

/** user_namespaces(7) */
function isFirstUserNamespace(): boolean {
  return /^ *0 +0 +4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

function readHandlers(directory: string): readonly BinaryHandler[] {
  const isOn = readFileSync(join(directory, 'status'), 'utf8').startsWith('enabled');
  return readdirSync(directory)
    .filter((name) => !CONTROLS.has(name))
    .flatMap((name) => {
      // One may be gone meanwhile.
      const text = readIfThere(join(directory, name));
      return text === undefined ? [] : [parseHandler(name, text, isOn)];
    });
}

function parseHandler(name: string, text: string, isOn: boolean): BinaryHandler {
  const field = (pattern: RegExp) => pattern.exec(text)?.[1];
  const extension = field(/^extension (\..*)$/m);
  const magic = Buffer.from(field(/^magic (\w+)$/m) ?? '', 'hex');
  const mask = Buffer.from(field(/^mask (\w+)$/m) ?? 'ff'.repeat(magic.length), 'hex');
  const offset = Number(field(/^offset (\d+)$/m) ?? 0);
  return {
    name,
    enabled: isOn && text.startsWith('enabled'),
    interpreter: field(/^interpreter (.*)$/m) ?? '',
    held: /^flags: .*F/m.test(text),
    matches: (path, head) =>
      extension === undefined
        ? magic.every((byte, at) => (((head[offset + at] ?? 0) ^ byte) & (mask[at] ?? 0)) === 0)
        : extname(path) === extension,
  };
}
