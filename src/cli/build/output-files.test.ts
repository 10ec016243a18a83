import assert from 'node:assert/strict';
import {
  constants as fs,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readXattrs } from '#client/build/xattrs.ts';
import type { WireEntry } from '#wire/build-session.ts';
import { DirectorySink, fileSink } from './output-files.ts';

function scratch(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'caisson-output-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function entry(path: string, mode: number, rest: Partial<WireEntry> = {}): WireEntry {
  const none = { sizeBytes: 0, xattrs: {}, modifiedNs: 1_000_000_000n, linkName: '', uid: 0, gid: 0 };
  return { path, mode, ...none, deviceMajor: 0, deviceMinor: 0, ...rest };
}

const directory = (path: string) => entry(path, fs.S_IFDIR | 0o755);
const file = (path: string, sizeBytes = 0) => entry(path, fs.S_IFREG | 0o640, { sizeBytes });
const link = (path: string, linkName: string) => entry(path, fs.S_IFLNK | 0o777, { linkName });

test('a tree is written over what is there', async () => {
  using place = scratch();
  const root = join(place.path, 'out');
  mkdirSync(join(root, 'was-directory'), { recursive: true });
  writeFileSync(join(root, 'kept'), 'kept');
  writeFileSync(join(root, 'd'), 'was a file');
  using sink = new DirectorySink(root);
  sink.entry(directory('d'));
  sink.entry(file('d/f', 4));
  sink.content(1, Buffer.from('te'));
  sink.content(1, Buffer.from('xt'));
  sink.entry({ ...file('d/twin'), linkName: 'd/f' });
  sink.entry(link('l', 'd/f'));
  sink.entry(file('was-directory'));
  await sink.finish();
  assert.equal(readFileSync(join(root, 'd/twin'), 'utf8'), 'text');
  assert.equal(statSync(join(root, 'd/f')).mode & 0o777, 0o640);
  assert.equal(statSync(join(root, 'd')).mtimeMs, 1000);
  assert.equal(readlinkSync(join(root, 'l')), 'd/f');
  assert.ok(statSync(join(root, 'was-directory')).isFile());
  assert.equal(readFileSync(join(root, 'kept'), 'utf8'), 'kept');
});

test('attributes come along, as far as they can be written', async () => {
  using place = scratch();
  using sink = new DirectorySink(place.path);
  const xattrs = {
    'user.note': Buffer.from([0, 255]),
    'user.empty': Buffer.alloc(0),
    'no.such': Buffer.from('x'),
  };
  sink.entry({ ...directory('d'), xattrs });
  sink.entry({ ...file('d/f'), xattrs });
  await sink.finish();
  for (const path of ['d', 'd/f'])
    assert.deepEqual(readXattrs(join(place.path, path)), {
      'user.empty': Buffer.alloc(0),
      'user.note': Buffer.from([0, 255]),
    });
  assert.equal(statSync(join(place.path, 'd')).mtimeMs, 1000);
});

test('nothing is written outside of it', () => {
  using place = scratch();
  mkdirSync(join(place.path, 'elsewhere/deep'), { recursive: true });
  const root = join(place.path, 'out');
  mkdirSync(root);
  symlinkSync('../elsewhere', join(root, 'old'));
  const cases: readonly (readonly WireEntry[])[] = [
    [file('../x')],
    [file('/x')],
    [file('old/x')],
    [link('new', '../elsewhere'), file('new/x')],
    [link('new', '../elsewhere'), file('new/deep/x')],
    [directory('d'), link('d', '../elsewhere'), file('d/x')],
    [{ ...file('stolen'), linkName: 'old/secret' }],
  ];
  for (const entries of cases) {
    using sink = new DirectorySink(root);
    const names = entries.map(({ path }) => path).join(' ');
    assert.throws(() => entries.forEach((each) => sink.entry(each)), { code: 'invalid' }, names);
  }
  assert.ok(!existsSync(join(place.path, 'elsewhere/x')) && !existsSync(join(place.path, 'x')));
});

test('a file that is not finished is none', async () => {
  using place = scratch();
  const output = { fd: 1, isTerminal: false, write: () => undefined };
  const path = join(place.path, 'sub/out.tar');
  {
    using sink = fileSink(path, output);
    await sink.write(Buffer.from('half'));
  }
  assert.ok(!existsSync(path));
  using sink = fileSink(path, output);
  await sink.write(Buffer.from('whole'));
  await sink.finish();
  assert.equal(readFileSync(path, 'utf8'), 'whole');
});
