import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytePath } from '#base/testing.ts';
import { encodeHeader, END_OF_ARCHIVE } from '#oci/tar-writer.ts';
import { extractTree } from './extract.ts';
import { packTree } from './pack.ts';

function workspace(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'caisson-archive-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const keep = { rename: (name: string) => name, owners: false };

async function* chunks(...parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

test('a tree comes out as it went in', async () => {
  using place = workspace();
  const source = join(place.path, 'source');
  mkdirSync(join(source, 'inner'), { recursive: true });
  writeFileSync(join(source, 'inner/big'), Buffer.alloc(700_000, 7));
  writeFileSync(join(source, 'script'), '#!/bin/sh\n');
  chmodSync(join(source, 'script'), 0o751);
  symlinkSync('inner/big', join(source, 'link'));
  linkSync(join(source, 'script'), join(source, 'twin'));
  utimesSync(join(source, 'script'), 1_700_000_000.25, 1_700_000_000.25);
  const target = join(place.path, 'target');
  mkdirSync(target);
  await extractTree(packTree(source, 'copy'), target, keep);
  const copy = join(target, 'copy');
  assert.deepEqual(readFileSync(join(copy, 'inner/big')), readFileSync(join(source, 'inner/big')));
  assert.equal(statSync(join(copy, 'script')).mode & 0o777, 0o751);
  assert.equal(readlinkSync(join(copy, 'link')), 'inner/big');
  assert.equal(statSync(join(copy, 'twin')).ino, statSync(join(copy, 'script')).ino);
  assert.equal(Math.round(statSync(join(copy, 'script')).mtimeMs), 1_700_000_000_250);
});

test('names that are no text come out as they went in, each with its own file', async () => {
  using place = workspace();
  const source = join(place.path, 'source');
  mkdirSync(source);
  for (const name of ['\xff', '\xfe', 'd\xe9']) writeFileSync(bytePath(source, name), name);
  symlinkSync(Buffer.from('\xff', 'latin1'), bytePath(source, 'l\x80'));
  linkSync(bytePath(source, '\xff'), bytePath(source, 'h\x80'));
  const target = join(place.path, 'target');
  mkdirSync(target);
  await extractTree(packTree(source, 'copy'), target, keep);
  const copy = join(target, 'copy');
  for (const name of ['\xff', '\xfe', 'd\xe9'])
    assert.equal(readFileSync(bytePath(copy, name), 'utf8'), name);
  assert.equal(readlinkSync(bytePath(copy, 'l\x80'), { encoding: 'latin1' }), '\xff');
  assert.equal(statSync(bytePath(copy, 'h\x80')).ino, statSync(bytePath(copy, '\xff')).ino);
});

test('no member lands outside of the destination', async () => {
  using place = workspace();
  const target = join(place.path, 'target');
  mkdirSync(target);
  const up = encodeHeader({ path: '../out', type: 'file' });
  await assert.rejects(extractTree(chunks(up, END_OF_ARCHIVE), target, keep), /outside of the destination/);
  const link = encodeHeader({ path: 'way', type: 'symlink', linkName: place.path });
  const through = encodeHeader({ path: 'way/out', type: 'file' });
  await assert.rejects(
    extractTree(chunks(link, through, END_OF_ARCHIVE), target, keep),
    /outside of the destination/,
  );
  assert.equal(lstatSync(join(place.path, 'out'), { throwIfNoEntry: false }), undefined);
});
