import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { makeNode } from '#linux/files.ts';
import { unmountAll } from '#linux/mount.ts';
import { setXattr } from '#linux/xattrs.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { TarParser } from '#oci/tar-reader.ts';
import { directory, file, LayerFixture, readAll } from './layer-store.fixture.ts';

function entriesOf(tar: Buffer): TarEntry[] {
  const parser = new TarParser();
  const entries: TarEntry[] = [];
  parser.push(tar);
  for (let event = parser.next(); event; event = parser.next()) {
    if (event.kind === 'entry') entries.push(event.entry);
  }
  parser.finish();
  return entries;
}

/** Every path below `root` with what an archive keeps of it. */
function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'latin1' })
    .toSorted()
    .map((name) => {
      const path = Buffer.from(`${root}/${name}`, 'latin1');
      const stats = lstatSync(path);
      const content = stats.isFile() ? hash('sha1', readFileSync(path)) : '';
      const changing = stats.isDirectory() ? [] : [stats.nlink, Math.floor(stats.mtimeMs)];
      return [name, stats.mode, stats.uid, stats.rdev, ...changing, content].join(' ');
    });
}

async function withLayers(fixture: LayerFixture) {
  return [
    await fixture.addLayer(
      directory('etc'),
      file('etc/old', 'old'),
      file('etc/kept', 'kept'),
      directory('data'),
      file('data/one', '1'),
      directory('data/sub'),
      file('data/sub/two', '2'),
      directory('gone'),
      file('gone/x', 'x'),
      directory('replaced'),
      file('replaced/x', 'x'),
    ),
    await fixture.addLayer(directory('etc'), file('etc/upper', 'upper')),
  ];
}

/** One change of every sort. */
function change(root: string): void {
  writeFileSync(join(root, 'etc/kept'), 'changed');
  unlinkSync(join(root, 'etc/old'));
  rmSync(join(root, 'gone'), { recursive: true });
  rmSync(join(root, 'replaced'), { recursive: true });
  mkdirSync(join(root, 'replaced'));
  writeFileSync(join(root, 'replaced/new'), 'new');
  rmSync(join(root, 'data/sub'), { recursive: true });
  writeFileSync(join(root, 'data/sub'), 'a file now');
  mkdirSync(join(root, 'added/deep'), { recursive: true });
  writeFileSync(join(root, 'added/deep/f'), 'f'.repeat(700_000));
  linkSync(join(root, 'added/deep/f'), join(root, 'added/link'));
  symlinkSync('deep/f', join(root, 'added/soft'));
  makeNode(join(root, 'added/null'), 0o020666, 1, 3);
  setXattr(join(root, 'added/link'), 'user.note', 'note');
  chmodSync(join(root, 'added/deep/f'), 0o4711);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'latin');
}

const CHANGES = [
  ['added', '/added'],
  ['added', '/added/deep'],
  ['added', '/added/deep/f'],
  ['added', '/added/link'],
  ['added', '/added/null'],
  ['added', '/added/soft'],
  ['added', '/caf\ufffd'],
  ['modified', '/data'],
  ['modified', '/data/sub'],
  ['modified', '/etc'],
  ['modified', '/etc/kept'],
  ['deleted', '/etc/old'],
  ['deleted', '/gone'],
  ['modified', '/replaced'],
  ['added', '/replaced/new'],
  ['deleted', '/replaced/x'],
];

for (const kind of ['erofs', 'directory'] as const) {
  describe(`snapshot store on ${kind} layers`, () => {
    it('shows layers below a writable one, and says what was changed', async () => {
      await using fixture = new LayerFixture(kind);
      const layers = await withLayers(fixture);
      const { snapshots } = fixture;
      const snapshot = snapshots.create({ id: 'c', layers, volatile: false });
      assert.deepEqual(snapshots.get('c'), snapshot);
      const root = snapshots.mount('c');
      assert.equal(root, snapshot.mountPath);
      assert.equal(snapshots.mount('c'), root);
      assert.equal(readFileSync(join(root, 'etc/upper'), 'utf8'), 'upper');
      assert.deepEqual(await snapshots.changes('c'), []);
      change(root);
      for (const mounted of [true, false]) {
        const changes = await snapshots.changes('c');
        assert.deepEqual(
          changes.map(({ kind, path }) => [kind, path]),
          CHANGES,
          `mounted: ${mounted}`,
        );
        assert.equal(await snapshots.usage('c'), 700_000 + 7 + 3 + 10 + 5);
        await snapshots.unmount('c');
        await snapshots.unmount('c');
      }
      assert.deepEqual(readdirSync(join(fixture.runDirectory, 'snapshots')), []);
    });

    it('turns changes into a layer that gives the same tree again', async () => {
      await using fixture = new LayerFixture(kind);
      const layers = await withLayers(fixture);
      const { snapshots } = fixture;
      snapshots.create({ id: 'c', layers, volatile: false });
      change(snapshots.mount('c'));
      const tar = await fixture.diff('c');
      assert.deepEqual(await fixture.diff('c'), tar, 'equal changes give equal bytes');
      const names = entriesOf(tar).map(({ path, type }) => `${path} ${type}`);
      assert.deepEqual(names, [
        'added/ directory',
        'added/deep/ directory',
        'added/deep/f file',
        'added/link hardlink',
        'added/null character',
        'added/soft symlink',
        'caf\ufffd file',
        'data/ directory',
        'data/sub file',
        'etc/ directory',
        'etc/kept file',
        'etc/.wh.old file',
        '.wh.gone file',
        'replaced/ directory',
        'replaced/.wh..wh..opq file',
        'replaced/new file',
      ]);
      const { xattrs } = entriesOf(tar).find(({ path }) => path === 'added/deep/f')!;
      assert.deepEqual([...xattrs], [['user.note', Buffer.from('note')]]);
      const blob = await fixture.addBlob(tar);
      const { diffId } = await fixture.layers.unpack({ blob, compression: 'none' });
      snapshots.create({ id: 'again', layers: [...layers, diffId], volatile: true });
      assert.deepEqual(listing(snapshots.mount('again')), listing(snapshots.mount('c')));
    });

    it('exports the whole tree, mounted or not', async () => {
      await using fixture = new LayerFixture(kind);
      const { snapshots } = fixture;
      snapshots.create({ id: 'c', layers: await withLayers(fixture), volatile: false });
      change(snapshots.mount('c'));
      const expected = listing(snapshots.mount('c'));
      for (const mounted of [true, false]) {
        const tar = await readAll(await snapshots.export('c'));
        const target = join(fixture.path, `export-${mounted}`);
        mkdirSync(target);
        execFileSync('tar', ['-xpf', '-', '-C', target], { input: tar });
        assert.deepEqual(listing(target), expected);
        await snapshots.unmount('c');
      }
    });

    it('keeps an export within its root while links point out of it', async () => {
      await using fixture = new LayerFixture(kind);
      const layer = await fixture.addLayer({
        path: 'escape',
        type: 'symlink',
        linkName: '../../../../../../etc',
      });
      fixture.snapshots.create({ id: 'c', layers: [layer], volatile: false });
      const names = entriesOf(await readAll(await fixture.snapshots.export('c'))).map(({ path }) => path);
      assert.ok(names.includes('escape'));
      assert.ok(!names.some((name) => name.endsWith('/passwd')));
    });
  });
}

describe('snapshot store', () => {
  it('a layer that is there twice counts where it is uppermost; a bottom lies below them all', async () => {
    await using fixture = new LayerFixture();
    const { snapshots } = fixture;
    const [first, second] = [
      await fixture.addLayer(directory('d'), file('d/f', 'first')),
      await fixture.addLayer(directory('d'), file('d/f', 'second'), file('d/g', 'second')),
    ];
    const bottom = join(fixture.path, 'bottom');
    mkdirSync(join(bottom, 'd/points'), { recursive: true });
    snapshots.create({ id: 'twice', layers: [first, second, first], volatile: true, bottom });
    const root = snapshots.mount('twice');
    assert.equal(readFileSync(join(root, 'd/f'), 'utf8'), 'first');
    assert.equal(readFileSync(join(root, 'd/g'), 'utf8'), 'second');
    assert.deepEqual(readdirSync(join(root, 'd/points')), []);
    assert.deepEqual(await snapshots.changes('twice'), []);
    await snapshots.remove('twice');
  });

  it('mounts a snapshot without layers, with the places that a runtime needs', async () => {
    await using fixture = new LayerFixture();
    fixture.snapshots.create({ id: 'scratch', layers: [], volatile: false });
    const root = fixture.snapshots.mount('scratch');
    assert.deepEqual(readdirSync(root).toSorted(), ['.dockerenv', 'dev', 'etc', 'proc', 'sys']);
    writeFileSync(join(root, 'f'), 'x');
    assert.deepEqual(await fixture.snapshots.changes('scratch'), [{ kind: 'added', path: '/f' }]);
  });

  it('takes as many layers as Docker, and records them', async () => {
    await using fixture = new LayerFixture();
    const layers = [];
    for (let index = 0; index < 127; index++) layers.push(await fixture.addLayer(file(`f${index}`)));
    fixture.snapshots.create({ id: 'deep', layers, volatile: false });
    fixture.reopen();
    assert.deepEqual(fixture.snapshots.get('deep')?.layers, layers);
    assert.equal(
      readdirSync(fixture.snapshots.mount('deep')).filter((name) => /^f\d/.test(name)).length,
      127,
    );
  });

  it('refuses ids that are taken or no names', async () => {
    await using fixture = new LayerFixture();
    fixture.snapshots.create({ id: 'c', layers: [], volatile: false });
    const create = (id: string) => () => fixture.snapshots.create({ id, layers: [], volatile: false });
    assert.throws(create('c'), (error) => isEngineError(error, 'conflict'));
    for (const id of ['', '..', '.base', 'a/b']) {
      assert.throws(create(id), (error) => isEngineError(error, 'invalid'));
    }
    assert.throws(
      () => fixture.snapshots.mount('x'),
      (error) => isEngineError(error, 'not-found'),
    );
  });

  it('mounts a volatile snapshot again, unless the machine has restarted meanwhile', async () => {
    await using fixture = new LayerFixture();
    fixture.snapshots.create({ id: 'v', layers: [], volatile: true });
    writeFileSync(join(fixture.snapshots.mount('v'), 'f'), 'x');
    await fixture.snapshots.unmount('v');
    assert.equal(readFileSync(join(fixture.snapshots.mount('v'), 'f'), 'utf8'), 'x');
    await fixture.snapshots.unmount('v');
    const record = join(fixture.snapshotRoot, 'v/record');
    rmSync(record);
    symlinkSync('00000000-0000-0000-0000-000000000000,0', record);
    fixture.reopen();
    assert.equal(fixture.snapshots.get('v')?.volatile, true);
    assert.throws(
      () => fixture.snapshots.mount('v'),
      (error) => isEngineError(error, 'unavailable'),
    );
    await fixture.snapshots.remove('v');
  });

  it('takes over after a crash: mounts stay, half-made and removed ones go', async () => {
    await using fixture = new LayerFixture('erofs');
    const layer = await fixture.addLayer(file('f', 'content'));
    fixture.snapshots.create({ id: 'running', layers: [layer], volatile: true });
    fixture.snapshots.create({ id: 'stopped', layers: [layer], volatile: false });
    const root = fixture.snapshots.mount('running');
    const mounted = fixture.mounts();
    mkdirSync(join(fixture.snapshotRoot, 'half/upper'), { recursive: true });
    mkdirSync(join(fixture.snapshotRoot, '.trash/removed/upper'), { recursive: true });
    fixture.snapshots.create({ id: 'lost', layers: [], volatile: true });
    fixture.snapshots.mount('lost');
    renameSync(join(fixture.snapshotRoot, 'lost'), join(fixture.snapshotRoot, '.trash/lost'));
    mkdirSync(join(fixture.runDirectory, 'snapshots/.view-AbCdEf'));
    fixture.reopen();
    assert.deepEqual(fixture.mounts(), mounted);
    assert.deepEqual(
      fixture.snapshots
        .list()
        .map(({ id }) => id)
        .toSorted(),
      ['running', 'stopped'],
    );
    assert.equal(fixture.snapshots.mount('running'), root);
    assert.deepEqual(fixture.mounts(), mounted, 'not mounted twice');
    await assert.rejects(fixture.layers.remove(layer), (error) => isEngineError(error, 'conflict'));
    await fixture.snapshots[Symbol.asyncDispose]();
    assert.deepEqual(readdirSync(fixture.snapshotRoot).toSorted(), ['.base', '.trash', 'running', 'stopped']);
  });

  it('survives that its root was unmounted from outside', async () => {
    await using fixture = new LayerFixture();
    fixture.snapshots.create({ id: 'c', layers: [], volatile: false });
    unmountAll(fixture.snapshots.mount('c'));
    await fixture.snapshots.unmount('c');
    assert.ok(statSync(join(fixture.snapshots.mount('c'), 'etc')).isDirectory());
  });

  it('gives a diff up that is not wanted any more', async () => {
    await using fixture = new LayerFixture();
    fixture.snapshots.create({ id: 'c', layers: [], volatile: true });
    writeFileSync(join(fixture.snapshots.mount('c'), 'big'), Buffer.alloc(20 << 20));
    const given = new Error('enough');
    await assert.rejects(fixture.diff('c', AbortSignal.abort(given)), given);
    assert.ok((await fixture.diff('c')).length > 20 << 20);
  });

  it('prints how long creating, mounting and removing takes', async (context) => {
    await using fixture = new LayerFixture();
    const layers = await withLayers(fixture);
    const times: Record<string, number[]> = {};
    const time = async (what: string, work: () => unknown) => {
      const start = performance.now();
      await work();
      (times[what] ??= []).push(performance.now() - start);
    };
    for (let index = 0; index < 20; index++) {
      const id = `c${index}`;
      await time('create', () => fixture.snapshots.create({ id, layers, volatile: index % 2 === 0 }));
      await time('mount', () => fixture.snapshots.mount(id));
      await time('unmount', () => fixture.snapshots.unmount(id));
      await time('remove', () => fixture.snapshots.remove(id));
    }
    await time('40 at once', () => {
      for (let index = 0; index < 40; index++) {
        fixture.snapshots.create({ id: `c${index}`, layers, volatile: true });
        fixture.snapshots.mount(`c${index}`);
      }
    });
    for (const [what, all] of Object.entries(times)) {
      const median = all.toSorted((one, other) => one - other)[all.length >> 1]!;
      context.diagnostic(`${what}: ${median.toFixed(2)} ms`);
    }
  });
});
