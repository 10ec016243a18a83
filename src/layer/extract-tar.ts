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
  lchownSync,
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
import { unlessErrno } from '#base/errno.ts';
import { bytesOfText } from '#base/byte-text.ts';
import type { EngineError } from '#base/errors.ts';
import { unreachable } from '#base/unreachable.ts';
import { isErrno } from '#linux/errno.ts';
import { makeNode, setTimes, setTimesOf } from '#linux/files.ts';
import { getXattr, setXattr } from '#linux/xattrs.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { type TarEvent, TarParser } from '#oci/tar-reader.ts';
import { ChunkReader, type ChunkRing } from './chunk-ring.ts';
import { inJail } from './jail.ts';
import { type ByteName, isStorableXattr } from './layer-tree.ts';
import { requireWritableDirectory } from './path-look.ts';
import type { RootView } from './layer.ts';
import { layerError } from './layer-errors.ts';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface ExtractJob {
  readonly root: string | RootView;
  /** An existing directory, absolute inside the root. */
  readonly path: string;
  /** Refuse to replace a directory by something else and the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** Owns everything that is extracted; absent: the archive says whose each entry is. */
  readonly owner?: Owner;
}

const FILE_TYPE = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
const PERMISSIONS = 0o777;
const S_ISGID = 0o2000;
const ASCII = /^[\0-\x7f]*$/;

/** What is in the way of an archive, or wrong with its names, in the kernel's words. */
const OBSTACLES: Readonly<Record<string, string>> = {
  EROFS: 'read-only file system',
  EBUSY: 'device or resource busy',
  // A directory is to be made in something else.
  EEXIST: 'not a directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  EINVAL: 'invalid argument',
  EPERM: 'operation not permitted',
  EXDEV: 'invalid cross-device link',
  EMLINK: 'too many links',
  EOPNOTSUPP: 'operation not supported',
  ENOTSUP: 'operation not supported',
};

/** What removes a file or a tree is one call of Docker's. */
const REMOVING = /^(?:rm|rmdir|unlink|scandir|lstat)$/;

/** Extracts an archive; what was extracted before an error stays. */
export function extractTar(job: ExtractJob & ChunkRing): void {
  const parser = new TarParser();
  const source = new ChunkReader(job);
  inJail(job.root, () => {
    requireWritableDirectory(job.path);
    using extractor = new Extractor(job);
    try {
      for (let chunk = source.next(); chunk; chunk = source.next()) {
        parser.push(chunk);
        for (let event = parser.next(); event; event = parser.next()) extractor.take(event);
      }
      parser.finish();
      extractor.finish();
    } catch (error) {
      throw obstacleOf(error);
    }
  });
}

/** A read-only mount, a mount point that would have to be replaced, a name that cannot be. */
function obstacleOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error) || !('path' in error))
    return error;
  const problem = OBSTACLES[String(error.code)];
  if (problem === undefined) return error;
  const call = REMOVING.test(String(error.syscall)) ? 'unlinkat' : String(error.syscall);
  return layerError('archive-entry-impossible', {
    subject: String(error.path),
    details: { call, problem },
    cause: error,
  });
}

interface OpenFile {
  readonly fd: number;
  readonly path: FilePath;
  readonly entry: TarEntry;
}

/** Names are bytes: what is no plain ASCII is handed to the kernel as it came. */
type FilePath = string | Buffer;

class Extractor implements Disposable {
  readonly #job: ExtractJob;
  readonly #directories: [path: FilePath, mtimeNs: bigint][] = [];
  /** Directories that are there, and whether what is made in them gets exactly what it is made with. */
  readonly #parents = new Map<ByteName, boolean>();
  #file: OpenFile | undefined;

  constructor(job: ExtractJob) {
    this.#job = job;
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
    const name = insideName(entry.pathBytes ?? entry.path);
    if (name === '') return;
    const bytes = this.#inside(name);
    const isPlain = this.#makeParent(posix.dirname(bytes));
    const path = filePath(bytes);
    switch (entry.type) {
      case 'directory':
        return this.#makeDirectory(path, entry);
      case 'file':
        return this.#openFile(path, entry, isPlain);
      case 'hardlink': {
        const target = filePath(this.#inside(insideName(entry.linkNameBytes ?? entry.linkName)));
        return this.#make(path, entry, () => linkSync(target, path));
      }
      case 'symlink':
        this.#make(path, entry, () => symlinkSync(entry.linkNameBytes ?? entry.linkName, path));
        return this.#finishOther(path, entry);
      case 'character':
      case 'block':
      case 'fifo': {
        const mode = FILE_TYPE[entry.type] | entry.mode;
        this.#make(path, entry, () => makeNode(path, mode, entry.deviceMajor, entry.deviceMinor));
        return this.#finishOther(path, entry);
      }
    }
    return unreachable(entry.type);
  }

  #inside(name: ByteName): ByteName {
    return posix.join(byteName(this.#job.path), name);
  }

  /** @returns whether a file that is made in it has the mode that it is made with, and belongs to root */
  #makeParent(parent: ByteName): boolean {
    const known = this.#parents.get(parent);
    if (known !== undefined) return known;
    const path = filePath(parent);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    const inheritsGroup = (statSync(path).mode & S_ISGID) !== 0;
    const isPlain = !inheritsGroup && getXattr(path, 'system.posix_acl_default') === undefined;
    this.#parents.set(parent, isPlain);
    return isPlain;
  }

  /** Tries first, and looks only where something is in the way. */
  #make<T>(path: FilePath, entry: TarEntry, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
    this.#makeRoom(path, entry);
    return make();
  }

  #makeRoom(path: FilePath, { type }: TarEntry): void {
    const present = lstatSync(path, { throwIfNoEntry: false });
    if (!present) return;
    const isDirectory = type === 'directory';
    if (this.#job.noOverwriteDirNonDir && present.isDirectory() !== isDirectory) {
      throw cannotOverwrite(path.toString(), this.#job.path, isDirectory);
    }
    if (present.isFile()) unlinkSync(path);
    else {
      rmSync(path, { recursive: true });
      this.#parents.clear();
    }
  }

  /** A directory of the archive that meets one that is there is merged with it. */
  #makeDirectory(path: FilePath, entry: TarEntry): void {
    try {
      mkdirSync(path, entry.mode);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      if (!lstatSync(path).isDirectory()) {
        this.#makeRoom(path, entry);
        mkdirSync(path, entry.mode);
      }
    }
    this.#ownerOf(path, entry);
    chmodSync(path, entry.mode);
    writeXattrs(path, entry);
    this.#directories.push([path, entry.mtimeNs]);
  }

  #openFile(path: FilePath, entry: TarEntry, isPlain: boolean): void {
    const { uid, gid } = this.#job.owner ?? entry;
    const isDone = isPlain && uid === 0 && gid === 0 && entry.mode === (entry.mode & PERMISSIONS);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const open = () => openSync(path, flags, isDone ? entry.mode : 0o600);
    this.#file = { fd: this.#make(path, entry, open), path, entry };
    if (isDone) return;
    fchownSync(this.#file.fd, uid, gid);
    fchmodSync(this.#file.fd, entry.mode & PERMISSIONS);
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
      // Writing takes set-user-ID bits away.
      if (entry.mode !== (entry.mode & PERMISSIONS)) fchmodSync(fd, entry.mode);
      setTimesOf(fd, entry.mtimeNs, entry.mtimeNs);
    } finally {
      closeSync(fd);
    }
    writeXattrs(path, entry);
  }

  #finishOther(path: FilePath, entry: TarEntry): void {
    this.#ownerOf(path, entry);
    writeXattrs(path, entry);
    setTimesIfThere(path, entry.mtimeNs);
  }

  #ownerOf(path: FilePath, entry: TarEntry): void {
    const { uid, gid } = this.#job.owner ?? entry;
    lchownSync(path, uid, gid);
  }
}

/** The name relative to the extraction point, empty for that itself. */
function insideName(name: string | Buffer): ByteName {
  const clean = posix.normalize(`./${byteName(name)}`).replace(/\/+$/, '');
  if (clean === '..' || clean.startsWith('../')) {
    throw layerError('archive-name-escapes', { subject: name.toString() });
  }
  return clean === '.' ? '' : clean;
}

function filePath(name: ByteName): FilePath {
  return ASCII.test(name) ? name : Buffer.from(name, 'latin1');
}

function byteName(name: string | Buffer): ByteName {
  if (typeof name === 'string' && ASCII.test(name)) return name;
  return (typeof name === 'string' ? bytesOfText(name) : name).toString('latin1');
}

function cannotOverwrite(path: string, destination: string, withDirectory: boolean): EngineError {
  const [present, wanted] = withDirectory ? ['non-directory', 'directory'] : ['directory', 'non-directory'];
  return layerError('archive-entry-of-other-kind', {
    subject: path,
    details: { present, wanted, path, destination },
  });
}

/** A file system without a kind of attribute loses it. */
function writeXattrs(path: FilePath, { xattrs }: TarEntry): void {
  for (const [name, value] of xattrs) {
    if (!isStorableXattr(name)) continue;
    unlessErrno(() => setXattr(path, name, value), 'EOPNOTSUPP', 'EPERM', 'ENOENT');
  }
}

function setTimesIfThere(path: FilePath, mtimeNs: bigint): void {
  unlessErrno(() => setTimes(path, mtimeNs, mtimeNs), 'ENOENT');
}
