/** What COPY takes files from: this thread's root directory, or a table of a client's files. */
import { readSync, type BigIntStats } from 'node:fs';
import { bytesOfText } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import type { TarSink } from '#layer/file-sink.ts';
import type { ByteName, LayerNode } from '#layer/layer-tree.ts';
import { TarMembers } from '#layer/tar-members.ts';
import { sortedNames, statOf } from '#layer/tree-walk.ts';
import { encodeHeader, paddingFor, type TarHeaderFields } from '#oci/tar-writer.ts';
import type { FileTable } from '../contexts/file-table.ts';
import type { FileSelection, Owner } from './file-jobs.ts';
import { inTree } from './in-tree.ts';
import type { ModeChange } from './mode-change.ts';
import { type PackedTable, unpackTable } from './packed-table.ts';
import { type SourcePath, SourceSelector } from './source-paths.ts';
import { walkSource } from './source-walk.ts';

/** What a copy changes. */
interface Changes {
  readonly owner: Owner | undefined;
  readonly mode: ModeChange | undefined;
  readonly modifiedNs: bigint | undefined;
  /** A source that is a directory comes itself, not only what is in it. */
  readonly withDirectory: boolean;
  /** True for files that a later source of the copy replaces. */
  readonly isReplaced?: (name: ByteName) => boolean;
}

export interface CopiedTree {
  /** @throws {EngineError} `invalid` for sources that are not there */
  find(): readonly SourcePath[];
  /** What a source has in it, directories first. */
  list(source: SourcePath): readonly { readonly relative: ByteName; readonly isDirectory: boolean }[];
  /** Writes a source's files as members. Files that are one stay so within the source, as in BuildKit. */
  write(source: SourcePath, to: ByteName, sink: TarSink, changes: Changes): void;
}

export function copiedTree(selection: FileSelection): CopiedTree {
  return selection.packed ? new TableTree(selection, selection.packed) : new RootTree(selection);
}

const PERMISSIONS = 0o7777;
const NS_PER_SECOND = 1_000_000_000n;

class RootTree implements CopiedTree {
  readonly #selection: FileSelection;

  constructor(selection: FileSelection) {
    this.#selection = selection;
  }

  find(): readonly SourcePath[] {
    return inTree(this.#selection.source, () => new SourceSelector(this.#selection).find());
  }

  list({ path, choice }: SourcePath) {
    return inTree(this.#selection.source, () =>
      [...walkSource(rootWalk, latin1(path), choice)].map(({ relative, stats }) => ({
        relative,
        isDirectory: stats.isDirectory(),
      })),
    );
  }

  write(source: SourcePath, to: ByteName, sink: TarSink, changes: Changes): void {
    const members = new TarMembers(sink);
    inTree(this.#selection.source, () => {
      for (const { path, relative, stats } of walkSource(rootWalk, latin1(source.path), source.choice)) {
        // The directory at the destination has its own attributes.
        if (relative === '' && source.isDirectory && !changes.withDirectory) continue;
        const name = under(to, relative);
        if (changes.isReplaced?.(name) === true) continue;
        members.add(bytes(path), changedStats(stats, changes), bytes(name));
      }
    });
  }
}

const rootWalk = {
  stat: (path: ByteName) => statOf(bytes(path)),
  names: (directory: ByteName) => sortedNames(bytes(directory)),
  isDirectory: (stats: BigIntStats) => stats.isDirectory(),
};

/** Times are those that Docker's archives have: whole seconds, which need no header of their own. */
function changedStats(stats: BigIntStats, { owner, mode, modifiedNs }: Changes): BigIntStats {
  const { uid, gid } = owner ?? stats;
  const isChanged = mode !== undefined && !stats.isSymbolicLink();
  const permissions = Number(stats.mode) & PERMISSIONS;
  const changed = isChanged ? mode(permissions, stats.isDirectory()) : permissions;
  stats.mode = (stats.mode & ~BigInt(PERMISSIONS)) | BigInt(changed);
  stats.uid = BigInt(uid);
  stats.gid = BigInt(gid);
  stats.mtimeNs = wholeSeconds(modifiedNs ?? stats.mtimeNs);
  return stats;
}

/** Contents are read straight from where they were received: no file is opened. */
class TableTree implements CopiedTree {
  readonly #table: FileTable;
  readonly #dataFd: number;
  readonly #selection: FileSelection;
  readonly #walk: Parameters<typeof walkSource<LayerNode>>[0];

  constructor(selection: FileSelection, packed: PackedTable) {
    const table = unpackTable(packed);
    this.#selection = selection;
    this.#table = table;
    this.#dataFd = packed.dataFd;
    this.#walk = {
      stat: (path) => table.node(path),
      names: table.names,
      isDirectory: ({ type }) => type === 'directory',
    };
  }

  find(): readonly SourcePath[] {
    return new SourceSelector(this.#selection, this.#table).find();
  }

  list({ path, choice }: SourcePath) {
    return [...walkSource(this.#walk, latin1(path), choice)].map(({ relative, stats }) => ({
      relative,
      isDirectory: stats.type === 'directory',
    }));
  }

  write(source: SourcePath, to: ByteName, sink: TarSink, changes: Changes): void {
    const written = new Map<LayerNode, Buffer>();
    for (const { relative, stats: node } of walkSource(this.#walk, latin1(source.path), source.choice)) {
      if (relative === '' && source.isDirectory && !changes.withDirectory) continue;
      if (changes.isReplaced?.(under(to, relative)) === true) continue;
      const name = bytes(under(to, relative));
      const first = node.links > 1 ? written.get(node) : undefined;
      if (node.links > 1 && !first) written.set(node, name);
      const common = commonFields(name, node, changes);
      if (first) sink.write(encodeHeader({ ...common, type: 'hardlink', linkNameBytes: first }));
      else this.#member(node, common, sink);
    }
  }

  #member(node: LayerNode, common: ReturnType<typeof commonFields>, sink: TarSink): void {
    const fields = { ...common, type: node.type, xattrs: node.xattrs };
    if (node.type === 'file') {
      sink.write(encodeHeader({ ...fields, sizeBytes: node.sizeBytes }));
      this.#contents(node, sink);
    } else if (node.type === 'symlink')
      sink.write(encodeHeader({ ...fields, linkNameBytes: bytes(node.target) }));
    else if (node.type === 'directory' || node.type === 'fifo') sink.write(encodeHeader(fields));
    else sink.write(encodeHeader({ ...fields, deviceMajor: node.major, deviceMinor: node.minor }));
  }

  #contents(
    { dataOffset, sizeBytes }: { readonly dataOffset: number; readonly sizeBytes: number },
    sink: TarSink,
  ): void {
    let position = dataOffset;
    const read = sink.fill(sizeBytes, (chunk, offset, length) => {
      const count = readSync(this.#dataFd, chunk, offset, length, position);
      position += count;
      return count;
    });
    if (read !== sizeBytes)
      throw new EngineError('internal', 'Cannot copy files of a client: their data ends early');
    sink.write(paddingFor(sizeBytes));
  }
}

function commonFields(
  name: Buffer,
  node: LayerNode,
  { owner, mode: change, modifiedNs }: Changes,
): Omit<TarHeaderFields, 'type'> {
  const { uid, gid } = owner ?? node;
  const isChanged = change !== undefined && node.type !== 'symlink';
  const mode = isChanged ? change(node.mode, node.type === 'directory') : node.mode;
  const mtimeNs = wholeSeconds(modifiedNs ?? node.mtimeNs);
  return { path: '', pathBytes: name, mode, uid, gid, mtimeNs };
}

function wholeSeconds(timeNs: bigint): bigint {
  return timeNs - (((timeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND);
}

export function under(directory: ByteName, relative: ByteName): ByteName {
  if (directory === '' || relative === '') return `${directory}${relative}`;
  return `${directory}/${relative}`;
}

function bytes(name: ByteName): Buffer {
  return Buffer.from(name, 'latin1');
}

function latin1(text: string): ByteName {
  return bytesOfText(text).toString('latin1');
}
