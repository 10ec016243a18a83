import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs';
import { isErrno } from '#linux/errno.ts';
import { splitDeviceNumber } from '#linux/files.ts';
import type { TarEntryType } from '#oci/tar-header.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor, type TarHeaderFields } from '#oci/tar-writer.ts';
import type { TarSink } from './file-sink.ts';
import { storableXattrs } from './tree-walk.ts';

/** Turns files into members of an archive; blocks, for worker threads. */
export class TarMembers {
  readonly #writer: TarSink;
  /** Device and inode of files with several names, with the name under which they are in the archive. */
  readonly #linked = new Map<string, Buffer>();

  constructor(writer: TarSink) {
    this.#writer = writer;
  }

  /**
   * Writes one path, links not followed, as a member with the given name (bytes). Sockets are left out: tar has no
   * word for them. A file that vanished is left out too.
   */
  add(path: Buffer, stats: BigIntStats, name: Buffer): void {
    const type = typeOf(stats);
    if (!type) return;
    const first = this.#firstName(stats, name);
    if (first) return this.#header({ ...commonFields(stats, name), type: 'hardlink', linkNameBytes: first });
    const fields = { ...commonFields(stats, name), type, xattrs: storableXattrs(path) };
    if (type === 'file') return this.#addFile(path, stats, fields);
    if (type === 'symlink') {
      return this.#header({ ...fields, linkNameBytes: readlinkSync(path, { encoding: 'buffer' }) });
    }
    const { major, minor } = splitDeviceNumber(Number(stats.rdev));
    const isDevice = type === 'character' || type === 'block';
    return this.#header(isDevice ? { ...fields, deviceMajor: major, deviceMinor: minor } : fields);
  }

  /** A directory that no directory stands for. */
  addDirectory(stats: BigIntStats, name: Buffer): void {
    this.#header({ ...commonFields(stats, name), type: 'directory' });
  }

  /** A member that no file stands for: a whiteout. */
  addEmptyFile(name: Buffer): void {
    this.#header({ path: '', pathBytes: name, type: 'file', mode: 0 });
  }

  finish(): void {
    this.#writer.write(END_OF_ARCHIVE);
    this.#writer.flush();
  }

  #header(fields: TarHeaderFields): void {
    this.#writer.write(encodeHeader(fields));
  }

  #firstName(stats: BigIntStats, name: Buffer): Buffer | undefined {
    if (stats.nlink < 2n || stats.isDirectory()) return undefined;
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.#linked.get(key);
    if (!first) this.#linked.set(key, name);
    return first;
  }

  /** The header has promised a size: a file that shrinks meanwhile is filled with zeros, one that grows is cut. */
  #addFile(path: Buffer, stats: BigIntStats, fields: TarHeaderFields): void {
    const fd = openIfThere(path);
    if (fd === undefined) return;
    try {
      const sizeBytes = Number(stats.size);
      this.#header({ ...fields, sizeBytes });
      const read = this.#writer.fill(sizeBytes, (chunk, offset, length) =>
        readSync(fd, chunk, offset, length, null),
      );
      this.#zeros(sizeBytes - read);
      this.#writer.write(paddingFor(sizeBytes));
    } finally {
      closeSync(fd);
    }
  }

  #zeros(lengthBytes: number): void {
    this.#writer.fill(lengthBytes, (chunk, offset, length) => {
      chunk.fill(0, offset, offset + length);
      return length;
    });
  }
}

function openIfThere(path: Buffer): number | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  for (let waitedMs = 0; ; waitedMs += LEASE_RETRY_MS) {
    try {
      return openSync(path, flags);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ELOOP')) return undefined;
      if (!isErrno(error, 'EAGAIN') || waitedMs > LEASE_BREAK_MS) throw error;
      Atomics.wait(sleeping, 0, 0, LEASE_RETRY_MS);
    }
  }
}

/**
 * A file with a lease: the attempt to open it asks the holder for it, and the kernel takes it away after 45 s
 * (fcntl(2)).
 */
const LEASE_BREAK_MS = 60_000;
const LEASE_RETRY_MS = 20;
const sleeping = new Int32Array(new SharedArrayBuffer(4));

function commonFields(stats: BigIntStats, name: Buffer): Omit<TarHeaderFields, 'type'> {
  return {
    path: '',
    pathBytes: name,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: stats.mtimeNs,
  };
}

function typeOf(stats: BigIntStats): TarEntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : undefined;
}
