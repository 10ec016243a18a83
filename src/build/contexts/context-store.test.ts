import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  constants as fs,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { encodeErofsIndex } from '#layer/erofs-index.ts';
import { FileWorkers } from '../files/file-workers.ts';
import { checksumTree } from '../files/tree-checksum.ts';
import { ContextStore } from './context-store.ts';
import { type MemoryFile, MemorySession } from '../session/memory-session.fixture.ts';
import type { SyncedFiles } from './synced-directory.ts';
import { tableTar } from './table-tar.ts';

const { signal } = new AbortController();
const QUERY = { directory: 'context', followPaths: [], includePatterns: [], excludePatterns: [] };

class Workspace implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'caisson-contexts-'));
  readonly #stores: ContextStore[] = [];

  open(maximumBytes?: number): ContextStore {
    const directory = join(this.path, 'contexts');
    const limit = maximumBytes === undefined ? {} : { maximumBytes };
    const store = new ContextStore({ directory, logger: silentLogger, ...limit });
    this.#stores.push(store);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store[Symbol.asyncDispose]();
    rmSync(this.path, { recursive: true, force: true });
  }
}

function textOf({ table, dataFd }: SyncedFiles, path: string): string | undefined {
  const file = table.file(path);
  if (!file) return undefined;
  const bytes = Buffer.alloc(file.sizeBytes);
  readSync(dataFd, bytes, 0, bytes.length, file.dataOffset);
  return bytes.toString();
}

const FILES: Readonly<Record<string, MemoryFile>> = {
  'a.txt': { content: 'first' },
  d: {},
  'd/b.txt': { content: 'second', mode: fs.S_IFREG | 0o755 },
  'd/empty': { content: '' },
  'd/link': { mode: fs.S_IFLNK | 0o777, linkName: '../a.txt' },
  'd/twin': { content: '', linkName: 'd/b.txt' },
};

test('only what changed is asked for, also of another process', async () => {
  await using workspace = new Workspace();
  const session = new MemorySession(FILES);
  const store = workspace.open();
  using first = await store.sync(session, QUERY, { signal });
  assert.deepEqual(session.asked, ['a.txt', 'd/b.txt']);
  assert.equal(textOf(first, 'd/link'), 'first');
  assert.equal(textOf(first, 'd/twin'), 'second');
  assert.equal(textOf(first, 'd/empty'), '');
  assert.equal(textOf(first, 'd/missing'), undefined);

  session.files.set('a.txt', { content: 'other', modifiedNs: 2n });
  using second = await store.sync(session, QUERY, { signal });
  assert.deepEqual(session.asked.slice(2), ['a.txt']);
  assert.deepEqual([textOf(second, 'a.txt'), textOf(second, 'd/b.txt')], ['other', 'second']);
  assert.equal(textOf(first, 'a.txt'), 'first', 'a build sees what it began with');

  await store[Symbol.asyncDispose]();
  using third = await workspace.open().sync(session, QUERY, { signal });
  assert.equal(session.asked.length, 3);
  assert.deepEqual([textOf(third, 'a.txt'), textOf(third, 'd/link')], ['other', 'other']);
});

test('how much has come is told within a large file, too', async () => {
  await using workspace = new Workspace();
  const session = new MemorySession({ large: { content: 'x'.repeat(1 << 20) } });
  const told: number[] = [];
  using _synced = await workspace
    .open()
    .sync(session, QUERY, { signal, onProgress: (bytes) => told.push(bytes) });
  assert.deepEqual(
    told,
    Array.from({ length: 17 }, (_, piece) => piece << 16),
  );
});

test('what a build does not ask for is kept; other clients and directories have their own', async () => {
  await using workspace = new Workspace();
  const store = workspace.open();
  const session = new MemorySession(FILES);
  (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  const some = new MemorySession({ 'a.txt': { content: 'first' } });
  (await store.sync(some, QUERY, { signal }))[Symbol.dispose]();
  (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  assert.deepEqual([some.asked, session.asked], [[], ['a.txt', 'd/b.txt']]);
  const other = new MemorySession(FILES, 'other client');
  (await store.sync(other, QUERY, { signal }))[Symbol.dispose]();
  (await store.sync(session, { ...QUERY, directory: 'other' }, { signal }))[Symbol.dispose]();
  assert.deepEqual([other.asked.length, session.asked.length], [2, 4]);
});

test('a sync that breaks off leaves the former state', async () => {
  await using workspace = new Workspace();
  const store = workspace.open();
  const session = new MemorySession(FILES);
  (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  session.files.set('a.txt', { content: 'newer', modifiedNs: 3n });
  session.files.set('z.txt', { content: 'never sent' });
  session.beforeContents = (path) => {
    if (path === 'z.txt') throw new Error('the client is gone');
  };
  await assert.rejects(store.sync(session, QUERY, { signal }), /the client is gone/);
  session.beforeContents = () => undefined;
  await store[Symbol.asyncDispose]();

  // A process that was killed may have written beyond what its table knows.
  const [name = ''] = readdirSync(join(workspace.path, 'contexts'));
  const directory = join(workspace.path, 'contexts', name);
  for (const file of readdirSync(directory).filter((file) => file.startsWith('data-')))
    appendFileSync(join(directory, file), Buffer.alloc(3000, 'x'));
  writeFileSync(join(directory, 'table.new'), 'half a ta');
  const asked = session.asked.length;
  using files = await workspace.open().sync(session, QUERY, { signal });
  assert.deepEqual(session.asked.slice(asked), ['a.txt', 'z.txt']);
  assert.deepEqual([textOf(files, 'a.txt'), textOf(files, 'd/b.txt')], ['newer', 'second']);
});

test('a table that cannot be used is begun anew', async () => {
  await using workspace = new Workspace();
  const session = new MemorySession(FILES);
  const store = workspace.open();
  (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  await store[Symbol.asyncDispose]();
  const [name = ''] = readdirSync(join(workspace.path, 'contexts'));
  writeFileSync(
    join(workspace.path, 'contexts', name, 'table'),
    '{"version":1,"data":"data-1","endBytes":9e9}\n',
  );
  using files = await workspace.open().sync(session, QUERY, { signal });
  assert.equal(session.asked.length, 4);
  assert.equal(textOf(files, 'a.txt'), 'first');
});

function big(fill: string, modifiedNs: bigint): MemoryFile {
  return { content: Buffer.alloc(20 << 20, fill), modifiedNs };
}

test('garbage is left behind once it is most of a data file', async () => {
  await using workspace = new Workspace();
  const store = workspace.open();
  const session = new MemorySession({ small: { content: 'small' }, big: big('a', 1n) });
  (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  for (const [index, fill] of ['b', 'c', 'd'].entries()) {
    session.files.set('big', big(fill, BigInt(index + 2)));
    (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  }
  using files = await store.sync(session, QUERY, { signal });
  assert.equal(session.asked.length, 5);
  assert.equal(textOf(files, 'small'), 'small');
  assert.equal(textOf(files, 'big')?.slice(0, 3), 'ddd');
  await store[Symbol.asyncDispose]();
  const [name = ''] = readdirSync(join(workspace.path, 'contexts'));
  const directory = join(workspace.path, 'contexts', name);
  const bytes = readdirSync(directory).reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
  assert.ok(bytes < 45 << 20, `${bytes} bytes are kept`);
});

test('those used longest ago go when there is no room', async () => {
  await using workspace = new Workspace();
  const store = workspace.open(5 << 20);
  const sessions = ['one', 'two', 'three'].map(
    (key) => new MemorySession({ file: { content: Buffer.alloc(2 << 20, key) } }, key),
  );
  for (const session of sessions) (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
  await store[Symbol.asyncDispose]();
  assert.equal(readdirSync(join(workspace.path, 'contexts')).length, 2);
  const again = workspace.open(5 << 20);
  const [first, , last] = sessions;
  assert.ok(first && last);
  (await again.sync(last, QUERY, { signal }))[Symbol.dispose]();
  assert.equal(last.asked.length, 1);
  (await again.sync(first, QUERY, { signal }))[Symbol.dispose]();
  assert.equal(first.asked.length, 2);
  const names = again.list().map(({ name }) => name);
  assert.deepEqual(await again.remove(names), names);
  assert.deepEqual(again.list(), []);
});

test('what is removed is gone, whatever of it is being saved', async () => {
  // From before it is begun until it is written.
  for (let turns = 0; turns < 12; turns++) {
    await using workspace = new Workspace();
    const store = workspace.open();
    const session = new MemorySession(FILES);
    (await store.sync(session, QUERY, { signal }))[Symbol.dispose]();
    const names = store.list().map(({ name }) => name);
    const saved = store[Symbol.asyncDispose]();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    assert.deepEqual(await store.remove(names), names, `after ${turns} turns`);
    await saved;
    assert.deepEqual(readdirSync(join(workspace.path, 'contexts')), []);
  }
});

test('entries that cannot be are refused', async () => {
  await using workspace = new Workspace();
  const store = workspace.open();
  for (const [path, file] of [
    ['../out', { content: 'x' }],
    ['/absolute', { content: 'x' }],
    ['a//b', { content: 'x' }],
    ['', { content: 'x' }],
    ['n'.repeat(256), { content: 'x' }],
    ['nul\0', { content: 'x' }],
    ['a.txt/below', { content: 'x' }],
    ['twin', { content: '', linkName: 'missing' }],
    ['link', { mode: fs.S_IFLNK, linkName: '' }],
    ['strange', { mode: 0o770_644 }],
  ] as const) {
    const session = new MemorySession({ 'a.txt': { content: 'first' }, [path]: file });
    await assert.rejects(store.sync(session, QUERY, { signal }), { code: 'invalid' }, JSON.stringify(path));
  }
});

test('a name that layers read is a plain name, and newlines are', async () => {
  await using workspace = new Workspace();
  const session = new MemorySession({ '.wh.a': { content: 'plain' }, 'new\nline': { content: 'text' } });
  using files = await workspace.open().sync(session, QUERY, { signal });
  assert.equal(textOf(files, '.wh.a'), 'plain');
  assert.equal(textOf(files, 'new\nline'), 'text');
  assert.ok(encodeErofsIndex(files.table.layerTree, files.dataBytes).length > 0);
});

test('checksums are those of the same files in a directory', async () => {
  await using workspace = new Workspace();
  await using workers = new FileWorkers();
  const directory = join(workspace.path, 'files');
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  for (const [path, { content, mode, linkName = '' }] of Object.entries(FILES)) {
    const place = join(directory, path);
    if (linkName !== '' && mode !== undefined) symlinkSync(linkName, place);
    else if (linkName !== '') linkSync(join(directory, linkName), place);
    else if (content === undefined) mkdirSync(place);
    else writeFileSync(place, content);
    if (linkName === '') chmodSync(place, (mode ?? (content === undefined ? 0o755 : 0o644)) & 0o7777);
  }
  using files = await workspace.open().sync(new MemorySession(FILES), QUERY, { signal });
  for (const paths of [['.'], ['d'], ['a.txt'], ['d/link'], ['*.txt', 'd/b*'], ['d/twin']]) {
    const selection = { paths, ignore: [], ownedByRoot: true };
    const expected = await workers.checksum({ ...selection, source: directory });
    assert.equal(checksumTree(files.table, selection), expected, paths.join(' '));
  }
  assert.throws(() => checksumTree(files.table, { paths: ['none'], ignore: [], ownedByRoot: true }), {
    code: 'invalid',
  });
});

test('the files of a table as an archive', async () => {
  await using workspace = new Workspace();
  using files = await workspace.open().sync(new MemorySession(FILES), QUERY, { signal });
  const chunks: Buffer[] = [];
  for await (const chunk of tableTar(files.table, files.dataFd)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('latin1');
  for (const part of ['a.txt', 'd/link', 'first', 'second']) assert.ok(text.includes(part), part);
  assert.equal(text.length % 512, 0);
});
