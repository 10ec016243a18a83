/** Tars: read in pieces of any size, and mounted by the kernel through the index that is written for them. */
import assert from 'node:assert/strict';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isEngineError } from '#base/errors.ts';
import { encodeErofsIndex } from '#layer/erofs-index.ts';
import { scanTar } from '#layer/tar-scan.ts';
import { mountErofs, unmountAll } from '#linux/mount.ts';
import { TarParser } from '#oci/tar-reader.ts';
import { encodeHeader, END_OF_ARCHIVE } from '#oci/tar-writer.ts';
import { tarOf } from '../fixtures/tar.ts';
import type { FuzzTarget } from './fuzz.ts';
import { mutateTar } from './mutate.ts';
import type { Random } from './random.ts';

const LONG = 'long/'.repeat(50);

/** Every kind of member, and every extension that carries one. */
export const ROOT_TAR = Buffer.concat([
  tarOf(
    { path: 'etc/' },
    { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\n', mode: 0o4644 },
    { path: 'bin/', mode: 0o1777 },
    { path: 'link', type: 'symlink', linkName: 'etc/passwd' },
    { path: 'hard', type: 'hardlink', linkName: 'etc/passwd' },
    { path: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3 },
    { path: 'pipe', type: 'fifo' },
    { path: `${LONG}name`, content: 'x' },
    { path: 'etc/.wh.gone', content: '' },
    { path: 'opaque/.wh..wh..opq', content: '' },
    { path: 'big', content: Buffer.alloc(5000, 'text ') },
  ).subarray(0, -END_OF_ARCHIVE.length),
  encodeHeader({
    path: 'attributes',
    type: 'file',
    sizeBytes: 0,
    mtimeNs: -1_500_000_000n,
    xattrs: new Map([
      ['user.a', Buffer.from('b')],
      ['security.capability', Buffer.from('0100000200000000000000000000000000000000', 'hex')],
    ]),
  }),
  END_OF_ARCHIVE,
]);

/** What is read, however it arrives. */
function eventsOf(tar: Buffer, chunks: Iterable<Buffer>): string {
  const parser = new TarParser({ maximumEntries: 1000 });
  const seen: string[] = [];
  let dataBytes = 0;
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let event = parser.next(); event; event = parser.next()) {
        if (event.kind === 'data') dataBytes += event.data.length;
        if (event.kind !== 'entry') continue;
        seen.push(`${dataBytes} ${inspect(event.entry)}`);
      }
    }
    parser.finish();
  } catch (error) {
    if (!isEngineError(error, 'invalid')) throw error;
    seen.push(error.message);
  }
  assert.ok(dataBytes <= tar.length, 'more data than the archive has');
  return seen.join('\n');
}

function* piecesOf(random: Random, tar: Buffer): Generator<Buffer> {
  for (let at = 0; at < tar.length; ) {
    const length = 1 + random.below(random.oneIn(2) ? 700 : 20_000);
    yield tar.subarray(at, at + length);
    at += length;
  }
}

const MAXIMUM_WALKED = 2000;

/** Reads every name, link and attribute of inodes that the kernel shows; names are bytes. */
function walk(directory: string): void {
  const left = [Buffer.from(directory)];
  for (let count = 0; left.length > 0 && count < MAXIMUM_WALKED; count++) {
    const path = left.pop() ?? Buffer.alloc(0);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) readlinkSync(path);
    if (stat.isDirectory())
      for (const name of readdirSync(path, { encoding: 'buffer' }))
        left.push(Buffer.concat([path, Buffer.from('/'), name]));
  }
}

/** Dispose it to remove the directory that it works in. */
export function tarTargets(): Disposable & { readonly targets: readonly FuzzTarget[] } {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-fuzz-tar-'));
  const [tar, index, root] = ['tar', 'index', 'root'].map((name) => join(directory, name));
  assert.ok(tar && index && root);
  mkdirSync(root);
  const mounted = (random: Random) => {
    const bytes = mutateTar(random, ROOT_TAR);
    writeFileSync(tar, bytes);
    const fd = openSync(tar, 'r');
    try {
      const tree = scanTar(fd, { maximumEntries: 1000 });
      if (tree.hasSparseFiles) return;
      writeFileSync(index, encodeErofsIndex(tree, bytes.length));
    } catch (error) {
      if (!isEngineError(error, 'invalid')) throw error;
      return;
    } finally {
      closeSync(fd);
    }
    mountErofs({ target: root, index, device: tar });
    try {
      walk(root);
    } finally {
      unmountAll(root);
    }
  };
  return {
    targets: [
      {
        name: 'tar',
        attempt: (random) => {
          const bytes = mutateTar(random, ROOT_TAR);
          assert.equal(eventsOf(bytes, piecesOf(random, bytes)), eventsOf(bytes, [bytes]));
        },
      },
      { name: 'erofs', attempt: mounted },
    ],
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
