import { isErrno } from './errno.ts';
import { check, libc, placeOf } from './libc.ts';

/*
 * Extended attributes (xattr(7)) of a path itself: a symbolic link at its end is not followed. Where a file system
 * has none, reading finds none and writing fails with `not-implemented`.
 */

/** The value of one attribute, undefined if it is not set. */
export function getXattr(path: string | Buffer, name: string): Buffer | undefined {
  const place = placeOf(path);
  try {
    return readGrowing('lgetxattr', `${name} of ${path.toString()}`, (buffer) =>
      libc.lgetxattr(place, name, buffer, buffer?.length ?? 0),
    );
  } catch (error) {
    if (isErrno(error, 'ENODATA', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

/** Sets an attribute, whether it exists or not. */
export function setXattr(path: string | Buffer, name: string, value: Uint8Array | string): void {
  const bytes = Buffer.from(value);
  const result = libc.lsetxattr(placeOf(path), name, bytes, bytes.length, 0);
  check('lsetxattr', `${name} of ${path.toString()}`, result);
}

/** The names of all attributes that we may see. */
export function listXattrs(path: string | Buffer): string[] {
  const place = placeOf(path);
  try {
    const names = readGrowing('llistxattr', path.toString(), (buffer) =>
      libc.llistxattr(place, buffer, buffer?.length ?? 0),
    );
    return names.toString('utf8').split('\0').slice(0, -1);
  } catch (error) {
    if (isErrno(error, 'EOPNOTSUPP')) return [];
    throw error;
  }
}

/** Most values fit the first buffer; for larger ones the size is asked, again if it grew meanwhile. */
const shared = Buffer.allocUnsafeSlow(1024);

function readGrowing(syscall: string, subject: string, read: (buffer: Buffer | null) => number): Buffer {
  let buffer = shared;
  for (;;) {
    try {
      const length = check(syscall, subject, read(buffer));
      return Buffer.from(buffer.subarray(0, length));
    } catch (error) {
      if (!isErrno(error, 'ERANGE')) throw error;
      buffer = Buffer.allocUnsafe(check(syscall, subject, read(null)));
    }
  }
}
