/**
 * Puts an archive into a container's file system, as `docker cp` does: merges directories, replaces everything else.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import type { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { lchown, makeNode, setTimes, setTimesOf } from '#linux/files.ts';
import { setXattr } from '#linux/xattrs.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { type TarEvent, TarParser } from '#oci/tar-reader.ts';
import { type ByteChannelEnd, receiveChunk } from './byte-channel.ts';
import { inJail } from './jail.ts';
import { isStorableXattr } from './layer-tree.ts';
import { requireDirectory } from './path-look.ts';
import { layerError } from './layer-errors.ts';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface ExtractJob {
  readonly root: string;
  /** An existing directory, absolute inside the root. */
  readonly path: string;
  /** Refuse to replace a directory by something else and the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** Owns everything that is extracted; absent: the archive says whose each entry is. */
  readonly owner?: Owner;
}

const FILE_TYPE = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/** Extracts an archive; what was extracted before an error stays. */
export function extractTar(job: ExtractJob & ByteChannelEnd): void {
  requireDirectory(job);
  const parser = new TarParser();
  inJail(job.root, () => {
    using extractor = new Extractor(job);
    for (let chunk = receiveChunk(job); chunk; chunk = receiveChunk(job)) {
      parser.push(chunk);
      for (let event = parser.next(); event; event = parser.next()) extractor.take(event);
    }
    parser.finish();
    extractor.finish();
  });
}

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  readonly entry: TarEntry;
}

class Extractor implements Disposable {
  readonly #job: ExtractJob;
  readonly #directories: [path: string, mtimeNs: bigint][] = [];
  readonly #knownParents = new Set<string>();
  #file: OpenFile | undefined;

  constructor(job: ExtractJob) {
    this.#job = job;
    if (!statSync(job.path).isDirectory()) {
      throw layerError('archive-target-no-directory');
    }
  }

  take(event: TarEvent): void {
    if (event.kind === 'entry') this.#begin(event.entry);
    else if (event.kind === 'data') this.#write(event.data, event.offset);
    else this.#endFile();
  }

  /** Times of directories come last: what is put into them changes them. */
  finish(): void {
    for (const [path, mtimeNs] of this.#directories.toReversed()) setTimesIfThere(path, mtimeNs);
  }

  [Symbol.dispose](): void {
    if (this.#file) closeSync(this.#file.fd);
  }

  #begin(entry: TarEntry): void {
    const name = insideName(entry.path);
    if (name === '') return;
    const path = posix.join(this.#job.path, name);
    this.#makeParent(path);
    const isMerge = this.#makeRoom(path, entry);
    if (entry.type === 'directory') this.#makeDirectory(path, entry, isMerge);
    else if (entry.type === 'file') this.#openFile(path, entry);
    else if (entry.type === 'hardlink')
      linkSync(posix.join(this.#job.path, insideName(entry.linkName)), path);
    else this.#makeOther(path, entry);
  }

  #makeParent(path: string): void {
    const parent = posix.dirname(path);
    if (this.#knownParents.has(parent)) return;
    mkdirSync(parent, { recursive: true, mode: 0o755 });
    this.#knownParents.add(parent);
  }

  /** True if a directory of the archive meets one that is there. */
  #makeRoom(path: string, entry: TarEntry): boolean {
    const present = lstatSync(path, { throwIfNoEntry: false });
    if (!present) return false;
    const isDirectory = entry.type === 'directory';
    if (present.isDirectory() && isDirectory) return true;
    if (this.#job.noOverwriteDirNonDir && present.isDirectory() !== isDirectory) {
      throw cannotOverwrite(path, this.#job.path, isDirectory);
    }
    if (present.isFile()) unlinkSync(path);
    else {
      rmSync(path, { recursive: true });
      this.#knownParents.clear();
    }
    return false;
  }

  #makeDirectory(path: string, entry: TarEntry, isMerge: boolean): void {
    if (!isMerge) mkdirSync(path, entry.mode);
    this.#ownerOf(path, entry);
    chmodSync(path, entry.mode);
    writeXattrs(path, entry);
    this.#directories.push([path, entry.mtimeNs]);
  }

  #openFile(path: string, entry: TarEntry): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.#file = { fd: openSync(path, flags, 0o600), path, entry };
  }

  #write(data: Buffer, offset: number): void {
    if (!this.#file) return;
    for (let at = 0; at < data.length; ) {
      at += writeSync(this.#file.fd, data, at, data.length - at, offset + at);
    }
  }

  /** The container may have moved the file meanwhile: what can be done by descriptor is. */
  #endFile(): void {
    if (!this.#file) return;
    const { fd, path, entry } = this.#file;
    this.#file = undefined;
    try {
      if (entry.realSizeBytes !== undefined) ftruncateSync(fd, entry.realSizeBytes);
      const { uid, gid } = this.#job.owner ?? entry;
      fchownSync(fd, uid, gid);
      fchmodSync(fd, entry.mode);
      setTimesOf(fd, entry.mtimeNs, entry.mtimeNs);
    } finally {
      closeSync(fd);
    }
    writeXattrs(path, entry);
  }

  #makeOther(path: string, entry: TarEntry): void {
    if (entry.type === 'symlink') symlinkSync(entry.linkNameBytes ?? entry.linkName, path);
    else if (entry.type === 'character' || entry.type === 'block' || entry.type === 'fifo') {
      makeNode(path, FILE_TYPE[entry.type] | entry.mode, entry.deviceMajor, entry.deviceMinor);
    }
    this.#ownerOf(path, entry);
    writeXattrs(path, entry);
    setTimesIfThere(path, entry.mtimeNs);
  }

  #ownerOf(path: string, entry: TarEntry): void {
    const { uid, gid } = this.#job.owner ?? entry;
    lchown(path, uid, gid);
  }
}

/** The name relative to the extraction point, empty for that itself. */
function insideName(name: string): string {
  const clean = posix.normalize(`./${name}`).replace(/\/+$/, '');
  if (clean === '..' || clean.startsWith('../')) {
    throw layerError('archive-name-escapes', { subject: name });
  }
  return clean === '.' ? '' : clean;
}

function cannotOverwrite(path: string, destination: string, withDirectory: boolean): EngineError {
  const [present, wanted] = withDirectory ? ['non-directory', 'directory'] : ['directory', 'non-directory'];
  return layerError('archive-entry-of-other-kind', {
    subject: path,
    details: { present, wanted, path, destination },
  });
}

/** A file system without a kind of attribute loses it. */
function writeXattrs(path: string, { xattrs }: TarEntry): void {
  for (const [name, value] of xattrs) {
    if (!isStorableXattr(name)) continue;
    try {
      setXattr(path, name, value);
    } catch (error) {
      if (!isErrno(error, 'EOPNOTSUPP', 'EPERM', 'ENOENT')) throw error;
    }
  }
}

function setTimesIfThere(path: string, mtimeNs: bigint): void {
  try {
    setTimes(path, mtimeNs, mtimeNs);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
