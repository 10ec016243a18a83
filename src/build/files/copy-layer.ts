/** COPY as the layer that it makes: written straight from the source's files, without a writable file system between. */
import { type BigIntStats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { type ByteChannelEnd, ChannelWriter } from '#layer/byte-channel.ts';
import { TarMembers } from '#layer/tar-members.ts';
import { childPath, sortedNames, statOf } from '#layer/tree-walk.ts';
import { isErrno } from '#linux/errno.ts';
import type { CopyJob, Owner } from './file-jobs.ts';
import { inTree } from './in-tree.ts';
import { type SourcePath, SourceSelector } from './source-paths.ts';

const DIRECTORY_MODE = 0o040755n;
const PERMISSIONS = 0o7777n;
const ROOT: Owner = { uid: 0, gid: 0 };

/**
 * Writes the layer. Directories on the way to the destination are in it with the attributes that they have below, for
 * overlay takes those of the topmost layer.
 *
 * @throws {EngineError} `invalid` for sources that are not there, and destinations that are no directory but have to be
 */
export function writeCopyLayer(job: CopyJob & ByteChannelEnd): void {
  const { files, target } = job;
  const members = new TarMembers(new ChannelWriter(job));
  const selector = new SourceSelector(files ?? { paths: [], ignore: [] });
  const sources = files ? inTree(files.source, () => selector.find()) : [];
  const place = inTree(target, () => new Destination(job, members).prepare(sources));
  if (files && place.exists) {
    const directories = inTree(files.source, () =>
      sources.flatMap((source) => directoriesBelow(source.path)),
    );
    inTree(target, () => directories.forEach((name) => checkDirectory(posix.join(place.path, name))));
  }
  const writer = new SourceWriter(job, members, selector);
  if (files) inTree(files.source, () => sources.forEach((source) => writer.put(source, place)));
  members.finish();
}

interface Place {
  /** Absolute, links followed, as far as they exist. */
  readonly path: string;
  /** Sources keep their names in it. */
  readonly isDirectory: boolean;
  /** A directory that is there keeps its attributes. */
  readonly exists: boolean;
}

class Destination {
  readonly #job: CopyJob;
  readonly #members: TarMembers;

  constructor(job: CopyJob, members: TarMembers) {
    this.#job = job;
    this.#members = members;
  }

  prepare(sources: readonly SourcePath[]): Place {
    const { destination } = this.#job;
    const path = followExisting(posix.resolve('/', destination));
    const present = statOf(Buffer.from(path));
    const mustBeDirectory =
      /(?:^|\/)\.?$/.test(destination) ||
      sources.length !== 1 ||
      sources.some(({ isDirectory }) => isDirectory);
    if (mustBeDirectory && present && !present.isDirectory())
      throw new EngineError('invalid', `cannot copy to non-directory: ${destination}`);
    const isDirectory = mustBeDirectory || present?.isDirectory() === true;
    const exists = present?.isDirectory() === true;
    // Nothing to do for a directory that is there.
    if (sources.length === 0 && exists) return { path, isDirectory, exists };
    this.#addParents(posix.dirname(path));
    const isOwnDirectory = isDirectory && !(sources.length === 1 && sources[0]?.isDirectory && !exists);
    if (isOwnDirectory && path !== '/') this.#addDirectory(path);
    return { path, isDirectory, exists: exists || isOwnDirectory };
  }

  #addParents(path: string): void {
    if (path === '/') return;
    this.#addParents(posix.dirname(path));
    this.#addDirectory(path);
  }

  #addDirectory(path: string): void {
    const name = Buffer.from(path.slice(1));
    const present = statOf(Buffer.from(path));
    if (present) return this.#members.add(Buffer.from(path), present, name);
    const { uid, gid } = this.#job.owner ?? ROOT;
    const now = BigInt(Date.now()) * 1_000_000n;
    const root = lstatSync('/', { bigint: true });
    const made = { mode: DIRECTORY_MODE, uid: BigInt(uid), gid: BigInt(gid), mtimeNs: now };
    return this.#members.add(Buffer.from('/'), withAttributes(root, made), name);
  }
}

class SourceWriter {
  readonly #members: TarMembers;
  readonly #selector: SourceSelector;
  readonly #owner: Owner | undefined;
  readonly #mode: bigint | undefined;

  constructor({ owner, mode, files }: CopyJob, members: TarMembers, selector: SourceSelector) {
    this.#selector = selector;
    this.#members = members;
    this.#owner = owner ?? (files?.ownedByRoot ? ROOT : undefined);
    this.#mode = mode === undefined ? undefined : BigInt(mode);
  }

  /** Of a directory its contents. */
  put(source: SourcePath, place: Place): void {
    const isInside = place.isDirectory && !source.isDirectory;
    const to = isInside ? posix.join(place.path, source.name) : place.path;
    this.#add(Buffer.from(source.path), Buffer.from(to.slice(1)).toString('latin1'), place.exists);
  }

  /** @param name latin1 */
  #add(path: Buffer, name: string, isThere: boolean): void {
    const stats = statOf(path);
    if (!stats || this.#selector.leavesOut(path.toString('latin1'), { mode: Number(stats.mode) })) return;
    const isKept = isThere && stats.isDirectory();
    if (name !== '' && !isKept) this.#members.add(path, this.#changed(stats), Buffer.from(name, 'latin1'));
    if (!stats.isDirectory()) return;
    for (const child of sortedNames(path))
      this.#add(childPath(path, child), name === '' ? child : `${name}/${child}`, false);
  }

  #changed(stats: BigIntStats): BigIntStats {
    if (!this.#owner && this.#mode === undefined) return stats;
    const { uid, gid } = this.#owner ?? stats;
    const mode =
      this.#mode === undefined || stats.isSymbolicLink()
        ? stats.mode
        : (stats.mode & ~PERMISSIONS) | this.#mode;
    return withAttributes(stats, { mode, uid: BigInt(uid), gid: BigInt(gid) });
  }
}

/** Relative to `path`; names that are no text are left out. */
function directoriesBelow(path: string, below = ''): readonly string[] {
  if (!statSync(path).isDirectory()) return [];
  return readdirSync(posix.join(path, below), { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [];
    const name = posix.join(below, entry.name);
    return [name, ...directoriesBelow(path, name)];
  });
}

/** A directory would hide what a link leads to. */
function checkDirectory(path: string): void {
  if (statOf(Buffer.from(path))?.isDirectory() === false)
    throw new EngineError('invalid', `cannot copy to non-directory: ${path}`);
}

function withAttributes(stats: BigIntStats, attributes: Partial<BigIntStats>): BigIntStats {
  const changed: BigIntStats = Object.create(Object.getPrototypeOf(stats));
  return Object.assign(changed, stats, attributes);
}

/** The path with the links of its existing part followed. */
function followExisting(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP') || path === '/') throw error;
    return posix.join(followExisting(posix.dirname(path)), posix.basename(path));
  }
}
