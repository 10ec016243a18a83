import { closeSync, lstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { bytesOfText, linkTarget, namesIn, placeOfText } from '#base/byte-text.ts';
import type { TarEntry, TarEntryType } from '#oci/tar-header.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';

/**
 * A tar archive of a file or directory, made while it is read, names byte for byte. `name` is what the file is called in the archive;
 * `.` for the contents of a directory without itself as a level.
 */
export async function* packTree(path: string, name: string): AsyncGenerator<Buffer, void, void> {
  const packer = new Packer();
  yield* packer.add(path, name);
  yield* packer.finish();
}

/** Small pieces are gathered to this size: a chunk costs a system call, and one for the engine. */
const BATCH_BYTES = 1 << 18;

class Packer {
  #batch: Buffer[] = [];
  #batchBytes = 0;
  /** Files with several links, by device and inode: the later ones refer to the first. */
  readonly #links = new Map<string, string>();

  *add(path: string, name: string): Generator<Buffer, void, void> {
    const stat = lstatSync(placeOfText(path), { bigint: true });
    const type = typeOf(stat);
    // Sockets have no place in an archive.
    if (type === undefined) return;
    const linkName = type === 'symlink' ? linkTarget(path) : this.#earlierLink(stat, name);
    const isData = type === 'file' && linkName === '';
    const sizeBytes = isData ? Number(stat.size) : 0;
    this.#push(
      encodeHeader({
        ...memberName(name),
        type: type === 'file' && linkName !== '' ? 'hardlink' : type,
        mode: Number(stat.mode & 0o7777n),
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        sizeBytes,
        mtimeNs: stat.mtimeNs,
        linkNameBytes: bytesOfText(linkName),
        ...deviceNumbers(type, stat),
      }),
    );
    if (isData) yield* this.#file(path, sizeBytes);
    if (this.#batchBytes >= BATCH_BYTES) yield this.#take();
    if (type === 'directory')
      for (const child of namesIn(path)) yield* this.add(`${path}/${child}`, `${name}/${child}`);
  }

  *finish(): Generator<Buffer, void, void> {
    this.#push(END_OF_ARCHIVE);
    yield this.#take();
  }

  /** Exactly `sizeBytes`: a file that shrinks meanwhile is filled with zeros, as tar does. */
  *#file(path: string, sizeBytes: number): Generator<Buffer, void, void> {
    const fd = openSync(placeOfText(path), 'r');
    try {
      for (let left = sizeBytes; left > 0; ) {
        const buffer = Buffer.allocUnsafe(Math.min(left, BATCH_BYTES));
        const length = readSync(fd, buffer);
        if (length === 0) buffer.fill(0);
        const taken = length === 0 ? buffer : buffer.subarray(0, length);
        this.#push(taken);
        left -= taken.length;
        if (this.#batchBytes >= BATCH_BYTES) yield this.#take();
      }
    } finally {
      closeSync(fd);
    }
    this.#push(paddingFor(sizeBytes));
  }

  #earlierLink(stat: BigIntStats, name: string): string {
    if (stat.nlink < 2n || !stat.isFile()) return '';
    const key = `${stat.dev}:${stat.ino}`;
    const earlier = this.#links.get(key);
    if (earlier === undefined) this.#links.set(key, name);
    return earlier ?? '';
  }

  #push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
  }

  #take(): Buffer {
    const whole = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#batchBytes = 0;
    return whole;
  }
}

function memberName(name: string): Pick<TarEntry, 'path' | 'pathBytes'> {
  return { path: name, ...(!name.isWellFormed() && { pathBytes: bytesOfText(name) }) };
}

function typeOf(stat: BigIntStats): TarEntryType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice()) return 'character';
  return stat.isBlockDevice() ? 'block' : undefined;
}

/** `st_rdev` split as makedev(3) packs it. */
function deviceNumbers(type: TarEntryType, { rdev }: BigIntStats): object {
  if (type !== 'character' && type !== 'block') return {};
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
