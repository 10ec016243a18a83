import { bytesOfText } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';

type Xattrs = Readonly<Record<string, Buffer>>;
export type ReadXattrs = typeof readXattrs;

/** llistxattr(2) and so on; -1 where it fails. Neither runtime has them: the C library is called. */
interface Calls {
  list(path: Buffer, names: Buffer, size: number): number;
  get(path: Buffer, name: Buffer, value: Buffer, size: number): number;
  set(path: Buffer, name: Buffer, value: Buffer, size: number, flags: number): number;
}

/** Bun's bun:ffi, as much of it as is used; its types are not installed. */
interface BunFfi {
  dlopen(
    library: string,
    symbols: Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>,
  ): { readonly symbols: Readonly<Record<string, (...values: readonly unknown[]) => number>> };
}

/** Node's, as much of it as is used. */
interface Koffi {
  load(library: string): { func(prototype: string): (...values: readonly unknown[]) => number };
}

const LIBC = 'libc.so.6';
/** XATTR_LIST_MAX and XATTR_SIZE_MAX of the kernel: nothing is larger. */
const MAXIMUM_BYTES = 1 << 16;
/** Well above PATH_MAX: what is cut is no path either. */
const MAXIMUM_PATH_BYTES = 1 << 16;
const NONE = {};

let loaded: Calls | undefined;
const buffer = Buffer.allocUnsafeSlow(MAXIMUM_BYTES);
const place = Buffer.allocUnsafeSlow(MAXIMUM_PATH_BYTES);

/** Those of a path itself, without following links, that belong into an image; none where there are none. */
export function readXattrs(path: string): Xattrs {
  const calls = (loaded ??= loadCalls());
  // Asked for every file: no memory is taken for it.
  const isText = path.length < MAXIMUM_PATH_BYTES / 4 && path.isWellFormed();
  const end = isText ? place.write(path) : bytesOfText(path).copy(place, 0, 0, MAXIMUM_PATH_BYTES - 1);
  place[end] = 0;
  const length = calls.list(place, buffer, MAXIMUM_BYTES);
  if (length <= 0) return NONE;
  const names = buffer.toString('latin1', 0, length).split('\0').filter(isSent);
  const values = names.flatMap((name) => {
    const size = calls.get(place, Buffer.from(`${name}\0`, 'latin1'), buffer, MAXIMUM_BYTES);
    // It may be gone meanwhile.
    return size < 0 ? [] : [[name, Buffer.from(buffer.subarray(0, size))] as const];
  });
  return values.length === 0 ? NONE : Object.fromEntries(values);
}

/** What a file system does not take is left out, as in BuildKit's clients. */
export function writeXattrs(path: string, xattrs: Xattrs): void {
  const calls = (loaded ??= loadCalls());
  const target = Buffer.concat([bytesOfText(path), Buffer.alloc(1)]);
  // An empty value has no address.
  for (const [name, value] of Object.entries(xattrs))
    calls.set(target, Buffer.from(`${name}\0`), Buffer.concat([value, Buffer.alloc(1)]), value.length, 0);
}

/** Labels of a security module, and what overlay keeps there, are of this machine and not of the file. */
function isSent(name: string): boolean {
  if (name.startsWith('trusted.overlay.')) return false;
  return /^(?:user|trusted)\.|^security\.capability$|^system\.posix_acl_(?:access|default)$/.test(name);
}

/** Where there is another C library, files have no attributes: builds need none. */
function loadCalls(): Calls {
  try {
    return process.versions.bun === undefined ? nodeCalls() : bunCalls();
  } catch {
    return { list: () => -1, get: () => -1, set: () => -1 };
  }
}

function bunCalls(): Calls {
  const getModule: (id: string) => BunFfi = Reflect.get(process, 'getBuiltinModule');
  const { symbols } = getModule.call(process, 'bun:ffi').dlopen(LIBC, {
    llistxattr: { args: ['buffer', 'buffer', 'usize'], returns: 'i64_fast' },
    lgetxattr: { args: ['buffer', 'buffer', 'buffer', 'usize'], returns: 'i64_fast' },
    lsetxattr: { args: ['buffer', 'buffer', 'buffer', 'usize', 'i32'], returns: 'i32' },
  });
  const { llistxattr, lgetxattr, lsetxattr } = symbols;
  return callsOf(llistxattr, lgetxattr, lsetxattr);
}

function nodeCalls(): Calls {
  // Not seen by what compiles the command line, which has no use for it.
  const load = process.getBuiltinModule('node:module').createRequire(import.meta.url);
  const koffi: Koffi = load('koffi');
  const libc = koffi.load(LIBC);
  return callsOf(
    libc.func('long llistxattr(const void *path, void *names, size_t size)'),
    libc.func('long lgetxattr(const void *path, const void *name, void *value, size_t size)'),
    libc.func('int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
  );
}

function callsOf(list?: Calls['list'], get?: Calls['get'], set?: Calls['set']): Calls {
  if (!list || !get || !set)
    throw new EngineError('internal', 'Cannot call the C library: it has no such function');
  return { list, get, set };
}
