/**
 * COPY as the layer that it makes: written straight from the source's files, without a writable file system between.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { posix } from 'node:path';
import { bytesOfText } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import type { TarSink } from '#layer/file-sink.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import { TarMembers } from '#layer/tar-members.ts';
import { statOf } from '#layer/tree-walk.ts';
import { type CopiedTree, copiedTree, under } from './copied-tree.ts';
import { followLinks } from '#layer/follow-links.ts';
import type { CopyJob, FileSelection, Owner } from './file-jobs.ts';
import { inTree } from './in-tree.ts';
import { parseModeChange } from './mode-change.ts';
import { cannotReplace, NameClaims } from './name-claims.ts';
import type { SourcePath } from './source-paths.ts';

const DIRECTORY_MODE = 0o040755n;
const ROOT: Owner = { uid: 0, gid: 0 };

interface Found {
  readonly selection: FileSelection;
  readonly tree: CopiedTree;
  readonly sources: readonly SourcePath[];
}

/**
 * Writes the layer. Directories on the way to the destination are in it with the attributes that they have below, for
 * overlay takes those of the topmost layer.
 *
 * @throws {EngineError} `invalid` for sources that are not there, and destinations that are no directory but have to be
 */
export function writeCopyLayer(job: CopyJob, sink: TarSink): void {
  const members = new TarMembers(sink);
  const found = job.files.map((selection): Found => {
    const tree = copiedTree(selection);
    return { selection, tree, sources: tree.find() };
  });
  const place = inTree(job.target, () => new Destination(job, members).prepare(found));
  if (place) copySources(job, found, place, sink);
  members.finish();
}

/** Where the files go. */
interface Place {
  /** Absolute, links followed, as far as they exist. */
  readonly path: string;
  /** Sources keep their names in it. */
  readonly isDirectory: boolean;
  /** Was there before. */
  readonly exists: boolean;
}

function copySources(job: CopyJob, found: readonly Found[], place: Place, sink: TarSink): void {
  const sources = found.flatMap((one) =>
    one.sources.map((source) => ({ ...one, source, to: targetOf(job, source, place) })),
  );
  const claims = sources.length > 1 && !job.replaces ? new NameClaims() : undefined;
  for (const [index, { tree, source, to }] of sources.entries())
    for (const { relative, isDirectory } of claims ? tree.list(source) : [])
      claims?.add(under(to, relative), { isDirectory, source: index });
  const mode = job.mode === undefined ? undefined : parseModeChange(modeText(job.mode));
  for (const [index, { selection, tree, source, to }] of sources.entries()) {
    if (place.exists && !job.replaces) checkDestination(job, tree.list(source), to);
    tree.write(source, to, sink, {
      owner: job.owner ?? (selection.ownedByRoot ? ROOT : undefined),
      mode,
      modifiedNs: job.modifiedNs,
      withDirectory: job.keepsDirectories === true && !isDirectoryIn(job, to),
      ...(claims && { isReplaced: (name: ByteName) => claims.isReplaced(name, index) }),
    });
  }
}

/** The contents of a directory are copied, as a rule; files keep their names in one. The path has no first slash. */
function targetOf({ keepsDirectories }: CopyJob, source: SourcePath, place: Place): ByteName {
  const isInside = place.isDirectory && (!source.isDirectory || keepsDirectories === true);
  const path = isInside ? posix.join(place.path, source.name) : place.path;
  return bytesOfText(path.slice(1)).toString('latin1');
}

function isDirectoryIn({ target }: CopyJob, name: ByteName): boolean {
  return inTree(target, () => statOf(Buffer.from(`/${name}`, 'latin1'))?.isDirectory() === true);
}

/**
 * Looks for what is in the way. As in BuildKit, directories that are there get the source's attributes.
 *
 * @throws {EngineError} `invalid` where a directory would replace something else, or the other way round
 */
function checkDestination({ target }: CopyJob, files: ReturnType<CopiedTree['list']>, to: ByteName): void {
  inTree(target, () => {
    const present = new Set<ByteName>(['']);
    for (const { relative, isDirectory } of files) {
      if (relative !== '' && !present.has(parentOf(relative))) continue;
      const name = under(to, relative);
      const stats = statOf(Buffer.from(`/${name}`, 'latin1'));
      if (!stats) continue;
      if (isDirectory !== stats.isDirectory()) throw cannotReplace(name, isDirectory);
      if (isDirectory) present.add(relative);
    }
  });
}

function cannotHoldSeveral(destination: string, count: number): EngineError {
  const rule = 'with more than one source file, the destination must be a directory and end with a /';
  return new EngineError('invalid', `Cannot copy ${count} files to ${destination}: ${rule}`);
}

class Destination {
  readonly #job: CopyJob;
  readonly #members: TarMembers;

  constructor(job: CopyJob, members: TarMembers) {
    this.#job = job;
    this.#members = members;
  }

  /** Undefined: there is nothing to do. */
  prepare(found: readonly Found[]): Place | undefined {
    const { destination, files, keepsDirectories = false, needsParent = false } = this.#job;
    const sources = found.flatMap((one) => one.sources);
    if (sources.length === 0 && files.length > 0) return undefined;
    const path = followLinks(posix.resolve('/', destination));
    const present = statOf(Buffer.from(path));
    if (needsParent) checkParent(destination, path);
    const hasDirectories = sources.some(({ isDirectory }) => isDirectory);
    const isDirectoryByName =
      /(?:^|\/)\.?$/.test(destination) || sources.length === 0 || (hasDirectories && !keepsDirectories);
    const exists = present?.isDirectory() === true;
    // One file would replace the other.
    if (sources.length > 1 && !isDirectoryByName && !exists && !keepsDirectories)
      throw cannotHoldSeveral(destination, sources.length);
    const mustBeDirectory = isDirectoryByName || sources.length > 1;
    if ((mustBeDirectory || hasDirectories) && present && !present.isDirectory())
      throw new EngineError('invalid', `cannot copy to non-directory: ${destination}`);
    // A directory that exists needs nothing.
    if (sources.length === 0 && exists) return undefined;
    this.#addParents(posix.dirname(path));
    const isDirectory = mustBeDirectory || exists;
    if (isDirectory && path !== '/') this.#addDirectory(path);
    return { path, isDirectory, exists };
  }

  #addParents(path: string): void {
    if (path === '/') return;
    this.#addParents(posix.dirname(path));
    this.#addDirectory(path);
  }

  #addDirectory(path: string): void {
    const name = Buffer.from(path.slice(1));
    const present = statOf(Buffer.from(path));
    if (present && !present.isDirectory())
      throw new EngineError('invalid', `cannot copy to non-directory: ${path}`);
    if (present) return this.#members.add(Buffer.from(path), present, name);
    const { owner = ROOT, modifiedNs = BigInt(Date.now()) * 1_000_000n } = this.#job;
    const made = {
      mode: this.#directoryMode(),
      uid: BigInt(owner.uid),
      gid: BigInt(owner.gid),
      mtimeNs: modifiedNs,
    };
    const root = lstatSync('/', { bigint: true });
    return this.#members.addDirectory(withAttributes(root, made), name);
  }

  /** As in BuildKit, a number holds for directories that are made, changes do not. */
  #directoryMode(): bigint {
    const text = modeText(this.#job.mode);
    return /^[0-7]+$/.test(text) ? 0o040000n | BigInt(`0o${text}`) : DIRECTORY_MODE;
  }
}

/** BuildKit's words. */
function checkParent(destination: string, path: string): void {
  const parent = posix.dirname(path);
  if (statOf(Buffer.from(parent))) return;
  const text = `failed to stat ${destination}: lstat ${parent}: no such file or directory`;
  throw new EngineError('invalid', text);
}

/** A number as chmod(1) writes it. */
function modeText(mode: number | string | undefined): string {
  return typeof mode === 'number' ? mode.toString(8) : (mode ?? '');
}

function parentOf(relative: ByteName): ByteName {
  return relative.slice(0, Math.max(0, relative.lastIndexOf('/')));
}

function withAttributes(stats: BigIntStats, attributes: Partial<BigIntStats>): BigIntStats {
  const changed: BigIntStats = Object.create(Object.getPrototypeOf(stats));
  return Object.assign(changed, stats, attributes);
}
