import { readSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ByteName, LayerNode } from '#layer/layer-tree.ts';
import type { TarEntryType } from '#oci/tar-header.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import type { FileTable } from './file-table.ts';

const CHUNK_BYTES = 1 << 18;

/** The files of a table as an archive. */
export function tableTar(table: FileTable, dataFd: number): Readable {
  return Readable.from(members(table, dataFd), { objectMode: false });
}

function* members(table: FileTable, dataFd: number): Generator<Buffer, void> {
  const written = new Map<LayerNode, ByteName>();
  const todo: { readonly name: ByteName; readonly node: LayerNode }[] = [
    { name: '', node: table.layerTree.root },
  ];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { name, node } = next;
    if (name !== '') yield headerOf(name, node, written.get(node));
    if (node.type === 'file' && !written.has(node)) yield* contents(node, dataFd);
    written.set(node, name);
    if (node.type !== 'directory') continue;
    const prefix = name === '' ? '' : `${name}/`;
    for (const [child, below] of [...node.children].toReversed())
      todo.push({ name: prefix + child, node: below });
  }
  yield END_OF_ARCHIVE;
}

function headerOf(name: ByteName, node: LayerNode, first: ByteName | undefined): Buffer {
  const { mode, uid, gid, mtimeNs, xattrs } = node;
  const common = { path: '', pathBytes: bytesOf(name), mode, uid, gid, mtimeNs };
  if (first !== undefined)
    return encodeHeader({ ...common, type: 'hardlink', linkNameBytes: bytesOf(first) });
  const type: TarEntryType = node.type;
  return encodeHeader({
    ...common,
    type,
    xattrs,
    ...(node.type === 'file' && { sizeBytes: node.sizeBytes }),
    ...(node.type === 'symlink' && { linkNameBytes: bytesOf(node.target) }),
    ...((node.type === 'character' || node.type === 'block') && {
      deviceMajor: node.major,
      deviceMinor: node.minor,
    }),
  });
}

function* contents(
  { dataOffset, sizeBytes }: { readonly dataOffset: number; readonly sizeBytes: number },
  dataFd: number,
): Generator<Buffer, void> {
  for (let done = 0; done < sizeBytes; ) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - done));
    const count = readSync(dataFd, chunk, 0, chunk.length, dataOffset + done);
    if (count === 0) throw new RangeError('the data of a context ends early');
    yield chunk.subarray(0, count);
    done += count;
  }
  yield paddingFor(sizeBytes);
}

function bytesOf(name: ByteName): Buffer {
  return Buffer.from(name, 'latin1');
}
