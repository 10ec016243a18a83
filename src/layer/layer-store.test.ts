import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { splitDeviceNumber } from '#linux/files.ts';
import { mountTmpfs, unmountAll } from '#linux/mount.ts';
import { getXattr } from '#linux/xattrs.ts';
import { type Digest, digestHex } from '#oci/digest.ts';
import { probeErofs } from './erofs-probe.ts';
import type { UnpackRequest } from './layer.ts';
import { layerPaths } from './layer-directory.ts';
import { createLayerStore } from './layer-store.ts';
import {
  directory,
  file,
  LayerFixture,
  type Member,
  MTIME_NS,
  readAll,
  tarOf,
} from './layer-store.fixture.ts';

const isNotFound = (error: unknown) => isEngineError(error, 'not-found');

/** Gives the merged view of layers to `look`. */
async function withView(
  fixture: LayerFixture,
  layers: readonly Digest[],
  look: (root: string) => void,
): Promise<void> {
  fixture.snapshots.create({ id: 'view', layers, volatile: true });
  try {
    look(fixture.snapshots.mount('view'));
  } finally {
    await fixture.snapshots.remove('view');
  }
}

/** Gives up once the work has begun, or has written the layer. */
async function unpackAndLeave(
  fixture: LayerFixture,
  request: UnpackRequest,
  when: 'begun' | 'written' = 'begun',
): Promise<void> {
  const leaving = new AbortController();
  const unpacking = fixture.layers.unpack({ ...request, signal: leaving.signal });
  const sign = when === 'begun' ? /^\.staging-/ : /^[0-9a-f]/;
  while (!fixture.layerNames().some((name) => sign.test(name))) await setImmediate();
  leaving.abort(new Error('enough'));
  await unpacking;
}

const HOSTILE: Readonly<Record<string, readonly Member[]>> = {
  'a name that climbs out': [file('../evil', 'x')],
  'a name that climbs out further down': [directory('a'), file('a/../../evil', 'x')],
  'an absolute name that climbs out': [file('/../evil', 'x')],
  'a whiteout that climbs out': [file('.wh...', '')],
  'writing through a link': [{ path: 'a', type: 'symlink', linkName: '/etc' }, file('a/passwd', 'x')],
  'writing through a link that replaced a directory': [
    directory('a'),
    file('a/b', 'x'),
    { path: 'a', type: 'symlink', linkName: '/etc' },
    file('a/passwd', 'x'),
  ],
  'writing below a file': [file('a', 'x'), file('a/b', 'x')],
  'a hard link that climbs out': [{ path: 'a', type: 'hardlink', linkName: '../../etc/passwd' }],
  'a hard link to the host': [{ path: 'a', type: 'hardlink', linkName: '/etc/passwd' }],
  'a hard link through a link': [
    { path: 'a', type: 'symlink', linkName: '/etc' },
    { path: 'b', type: 'hardlink', linkName: 'a/passwd' },
  ],
  'a hard link to a directory': [directory('a'), { path: 'b', type: 'hardlink', linkName: 'a' }],
  'a name that is too long': [file('n'.repeat(256), 'x')],
  'a root that is a link': [{ path: './', type: 'symlink', linkName: '/etc' }],
  'a device number that Linux does not have': [{ path: 'd', type: 'block', deviceMajor: 70_000 }],
  'a link without a target': [{ path: 'a', type: 'symlink', linkName: '' }],
};

/** What both kinds of layers must do. */
for (const kind of ['erofs', 'directory'] as const) {
  const open = (limits = {}) => new LayerFixture(kind, limits);

  describe(`layer store, ${kind}`, () => {
    it('unpacks plain, gzip and zstd to the same layer and gives its tar back', async () => {
      const tar = tarOf(directory('etc'), file('etc/motd', 'hello'), file('empty'));
      for (const [compression, bytes] of [
        ['none', tar],
        ['gzip', gzipSync(tar)],
        ['zstd', zstdCompressSync(tar)],
      ] as const) {
        await using fixture = open();
        const blob = await fixture.addBlob(bytes);
        const layer = await fixture.layers.unpack({ blob, compression });
        assert.equal(layer.kind, kind);
        assert.equal(layer.sizeBytes, 5);
        assert.deepEqual(fixture.layers.get(layer.diffId), layer);
        assert.deepEqual(fixture.layers.list(), [layer]);
        assert.deepEqual(await readAll(await fixture.layers.read(layer.diffId)), tar);
        const target = join(fixture.path, 'packed');
        writeFileSync(target, '');
        await fixture.layers.writeGzip(layer.diffId, target, { signal: new AbortController().signal });
        assert.deepEqual(gunzipSync(readFileSync(target)), tar);
        await withView(fixture, [layer.diffId], (root) => {
          assert.equal(readFileSync(join(root, 'etc/motd'), 'utf8'), 'hello');
          assert.equal(statSync(join(root, 'empty')).size, 0);
        });
      }
    });

    it('keeps modes, owners, times, links, devices and attributes', async () => {
      await using fixture = open();
      const long = `${'deep/'.repeat(40)}target`;
      const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
      const layer = await fixture.addLayer(
        directory('d', { mode: 0o1777, mtimeNs: MTIME_NS + 1n }),
        file('d/f', 'data', {
          mode: 0o4755,
          uid: 12,
          gid: 100_000,
          mtimeNs: MTIME_NS + 123_456_789n,
          xattrs: new Map([
            ['user.note', Buffer.from('v')],
            ['security.capability', capability],
            ['trusted.overlay.redirect', Buffer.from('/etc')],
            ['com.example.foreign', Buffer.from('x')],
          ]),
        }),
        { path: 'd/hard', type: 'hardlink', linkName: 'd/f' },
        { path: 'soft', type: 'symlink', linkName: '/d/f', uid: 5 },
        {
          path: 'noted',
          type: 'symlink',
          linkName: '/d/f',
          xattrs: new Map([['trusted.note', Buffer.from('l')]]),
        },
        { path: 'long', type: 'symlink', linkName: `${long}${'x'.repeat(600)}` },
        { path: 'null', type: 'character', mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
        { path: 'disk', type: 'block', mode: 0o660, gid: 6, deviceMajor: 259, deviceMinor: 300 },
        { path: 'pipe', type: 'fifo', mode: 0o600 },
        { path: 'old', type: 'file', mtimeNs: -5_000_000_001n },
      );
      await withView(fixture, [layer], (root) => {
        const stats = lstatSync(join(root, 'd/f'), { bigint: true });
        assert.equal(stats.mode, 0o104755n);
        assert.deepEqual([stats.uid, stats.gid, stats.nlink], [12n, 100_000n, 2n]);
        assert.equal(stats.mtimeNs, MTIME_NS + 123_456_789n);
        assert.equal(lstatSync(join(root, 'd/hard'), { bigint: true }).ino, stats.ino);
        assert.equal(lstatSync(join(root, 'd')).mode & 0o7777, 0o1777);
        assert.equal(lstatSync(join(root, 'd'), { bigint: true }).mtimeNs, MTIME_NS + 1n);
        assert.equal(getXattr(join(root, 'd/f'), 'user.note')?.toString(), 'v');
        assert.deepEqual(getXattr(join(root, 'd/f'), 'security.capability'), capability);
        assert.equal(
          getXattr(join(fixture.layers.rootPath(layer), 'd/f'), 'trusted.overlay.redirect'),
          undefined,
        );
        assert.equal(readlinkSync(join(root, 'soft')), '/d/f');
        assert.equal(lstatSync(join(root, 'soft')).uid, 5);
        assert.equal(readlinkSync(join(root, 'noted')), '/d/f');
        assert.equal(getXattr(join(root, 'noted'), 'trusted.note')?.toString(), 'l');
        assert.equal(readlinkSync(join(root, 'long')), `${long}${'x'.repeat(600)}`);
        assert.deepEqual(splitDeviceNumber(lstatSync(join(root, 'null')).rdev), { major: 1, minor: 3 });
        const disk = lstatSync(join(root, 'disk'));
        assert.ok(disk.isBlockDevice());
        assert.deepEqual(splitDeviceNumber(disk.rdev), { major: 259, minor: 300 });
        assert.ok(lstatSync(join(root, 'pipe')).isFIFO());
        assert.equal(lstatSync(join(root, 'old'), { bigint: true }).mtimeNs, -5_000_000_001n);
      });
    });

    it('hides what whiteouts and opaque directories hide', async () => {
      await using fixture = open();
      const below = await fixture.addLayer(
        file('a', '1'),
        directory('d'),
        file('d/x', '1'),
        directory('o'),
        file('o/x', '1'),
        directory('r'),
        file('r/x', '1'),
      );
      const above = await fixture.addLayer(
        file('.wh.a'),
        file('d/.wh.x'),
        file('d/.wh.never'),
        directory('o'),
        file('o/.wh..wh..opq'),
        file('o/y', '2'),
        directory('r'),
        file('r/z', '2'),
        file('.wh.r'),
        directory('only'),
        file('only/.wh.gone'),
        file('only/.wh..wh.plnk'),
      );
      await withView(fixture, [below, above], (root) => {
        assert.deepEqual(readdirSync(join(root, 'd')), []);
        assert.deepEqual(readdirSync(join(root, 'o')), ['y']);
        assert.deepEqual(readdirSync(join(root, 'r')), ['z'], 'a whiteout and a directory of one name');
        assert.deepEqual(readdirSync(join(root, 'only')), []);
        assert.ok(!readdirSync(root).includes('a'));
      });
    });

    it('makes directories that the archive only implies, and lets the last of equal names count', async () => {
      await using fixture = open();
      const layer = await fixture.addLayer(
        file('/implied/deep/f', '1'),
        file('twice', '1'),
        file('twice', '22'),
        directory('was'),
        file('was/x', '1'),
        file('was', 'now a file'),
        file('becomes', '1'),
        directory('becomes'),
      );
      assert.equal(fixture.layers.get(layer)?.sizeBytes, 1 + 2 + 10);
      await withView(fixture, [layer], (root) => {
        const implied = lstatSync(join(root, 'implied/deep'));
        assert.deepEqual([implied.mode & 0o7777, implied.uid, implied.gid], [0o755, 0, 0]);
        assert.equal(readFileSync(join(root, 'twice'), 'utf8'), '22');
        assert.equal(readFileSync(join(root, 'was'), 'utf8'), 'now a file');
        assert.ok(lstatSync(join(root, 'becomes')).isDirectory());
      });
    });

    it('holds large directories, large files and names that are not UTF-8', async () => {
      await using fixture = open();
      const names = Array.from({ length: 3000 }, (_, index) => `file-${'x'.repeat(index % 90)}-${index}`);
      const big = Buffer.alloc(3_000_001, 'abcdefghij');
      const layer = await fixture.addLayer(
        ...names.map((name) => file(`many/${name}`, name)),
        file('big', big),
        { path: '', pathBytes: Buffer.from('caf\xe9', 'latin1'), type: 'file', data: 'latin' },
      );
      await withView(fixture, [layer], (root) => {
        assert.deepEqual(readdirSync(join(root, 'many')).toSorted(), names.toSorted());
        for (const name of names) assert.equal(readFileSync(join(root, 'many', name), 'utf8'), name);
        assert.ok(readFileSync(join(root, 'big')).equals(big));
        const odd = Buffer.concat([Buffer.from(`${root}/`), Buffer.from('caf\xe9', 'latin1')]);
        assert.equal(readFileSync(odd, 'utf8'), 'latin');
      });
    });

    it('extracts archives with sparse files, of whatever kind the store is', async () => {
      await using fixture = open();
      const source = join(fixture.path, 'source');
      mkdirSync(source);
      const content = Buffer.alloc(5 << 20);
      content.write('start', 0);
      content.write('end', content.length - 3);
      const holes = openSync(join(source, 'holes'), 'w');
      writeSync(holes, content, 0, 5, 0);
      writeSync(holes, content, content.length - 3, 3, content.length - 3);
      closeSync(holes);
      for (const format of ['gnu', 'pax']) {
        const tar = execFileSync('tar', ['-S', `--format=${format}`, '-cf', '-', '-C', source, 'holes']);
        const layer = await fixture.layers.unpack({ blob: await fixture.addBlob(tar), compression: 'none' });
        assert.equal(layer.kind, 'directory');
        await withView(fixture, [layer.diffId], (root) => {
          assert.ok(readFileSync(join(root, 'holes')).equals(content));
          assert.ok(statSync(join(root, 'holes')).blocks < 100);
        });
        assert.deepEqual(await readAll(await fixture.layers.read(layer.diffId)), tar);
      }
    });

    it('refuses hostile archives and keeps nothing of them', async () => {
      await using fixture = open();
      for (const [what, members] of Object.entries(HOSTILE)) {
        const blob = await fixture.addBlob(tarOf(...members));
        await assert.rejects(
          fixture.layers.unpack({ blob, compression: 'none' }),
          (error) => isEngineError(error, 'invalid'),
          what,
        );
        assert.deepEqual(fixture.layerNames(), [], what);
        assert.deepEqual(fixture.layers.list(), []);
      }
    });

    it('refuses archives that are damaged, cut short, too large or not what they should be', async () => {
      await using fixture = open({ maximumLayerBytes: 1 << 20, maximumEntries: 100 });
      const tar = tarOf(file('a', 'x'.repeat(2000)), file('b', 'y'));
      const many = tarOf(...Array.from({ length: 101 }, (_, index) => file(`f${index}`)));
      const bomb = tarOf(file('zeros', Buffer.alloc(2 << 20)));
      const deep = tarOf(file(`${'d/'.repeat(101)}f`));
      const damaged = Buffer.from(tar).fill(0xff, 0, 100);
      const withNul = Buffer.from(tarOf({ path: 'n'.repeat(120), type: 'file' }));
      withNul[withNul.indexOf('nnn') + 5] = 0;
      const cases: readonly [what: string, bytes: Buffer, compression: 'none' | 'gzip' | 'zstd'][] = [
        ['cut in data', tar.subarray(0, 1500), 'none'],
        ['cut in a header', tar.subarray(0, 200), 'none'],
        ['damaged header', damaged, 'none'],
        ['NUL in a name', withNul, 'none'],
        ['cut gzip', gzipSync(tar).subarray(0, -20), 'gzip'],
        ['damaged gzip', gzipSync(tar).fill(0x55, 20, 60), 'gzip'],
        ['cut zstd', zstdCompressSync(tar).subarray(0, -20), 'zstd'],
        ['not gzip at all', tar, 'gzip'],
        ['too many members', many, 'none'],
        ['too many implied directories', deep, 'none'],
        ['a gzip bomb', gzipSync(bomb), 'gzip'],
        ['a zstd bomb', zstdCompressSync(bomb), 'zstd'],
        ['too large', bomb, 'none'],
      ];
      for (const [what, bytes, compression] of cases) {
        const blob = await fixture.addBlob(bytes);
        const unpacked = fixture.layers.unpack({ blob, compression });
        await assert.rejects(unpacked, (error) => isEngineError(error, 'invalid'), what);
        assert.deepEqual(fixture.layerNames(), [], what);
      }
      const other = await fixture.addBlob(many);
      for (const [bytes, compression] of [
        [tar, 'none'],
        [gzipSync(tar), 'gzip'],
      ] as const) {
        const blob = await fixture.addBlob(bytes);
        const unpacked = fixture.layers.unpack({ blob, compression, diffId: other });
        await assert.rejects(unpacked, (error) => isEngineError(error, 'invalid'));
        assert.deepEqual(fixture.layerNames(), []);
      }
    });

    it('says not-found for blobs and layers that are not there', async () => {
      await using fixture = open();
      const blob = await fixture.addBlob(Buffer.from('x'));
      await fixture.content.delete(blob);
      await assert.rejects(fixture.layers.unpack({ blob, compression: 'none' }), isNotFound);
      await assert.rejects(fixture.layers.remove(blob), isNotFound);
      await assert.rejects(fixture.layers.read(blob), isNotFound);
      assert.equal(fixture.layers.get(blob), undefined);
      assert.throws(() => fixture.snapshots.create({ id: 'c', layers: [blob], volatile: false }), isNotFound);
      assert.deepEqual(readdirSync(fixture.snapshotRoot), ['.base', '.trash']);
    });

    it('does equal work once and finds the layer by another blob', async () => {
      await using fixture = open();
      const tar = tarOf(file('f', 'content'));
      const plain = await fixture.addBlob(tar);
      const packed = await fixture.addBlob(gzipSync(tar));
      const request = { blob: packed, compression: 'gzip', diffId: plain } as const;
      const [one, two] = await Promise.all([fixture.layers.unpack(request), fixture.layers.unpack(request)]);
      assert.equal(one, two);
      const again = await fixture.layers.unpack({ blob: packed, compression: 'gzip' });
      assert.deepEqual(again, one);
      assert.equal(fixture.layerNames().length, 1);
    });

    it('leaves nothing behind when every caller gives up, and goes on when one does not', async () => {
      await using fixture = open();
      const tar = tarOf(file('f', Buffer.alloc(32 << 20, 'x')));
      const blob = await fixture.addBlob(gzipSync(tar, { level: 1 }));
      const request = { blob, compression: 'gzip' } as const;
      const [first, second] = await Promise.allSettled([
        unpackAndLeave(fixture, request),
        fixture.layers.unpack(request),
      ]);
      assert.equal(first.status, 'rejected');
      assert.equal(second.status, 'fulfilled');
      await fixture.layers.remove(fixture.layers.list()[0]!.diffId);
      await assert.rejects(unpackAndLeave(fixture, request), /enough/);
      await fixture.layers[Symbol.asyncDispose]();
      assert.deepEqual(fixture.layerNames(), []);
    });

    it('keeps no layer without an owner when the last caller that waited gives up late', async () => {
      await using fixture = open();
      const blob = await fixture.addBlob(gzipSync(tarOf(file('f', 'content'))));
      for (let times = 0; times < 3; times++) {
        await unpackAndLeave(fixture, { blob, compression: 'gzip' }, 'written');
        await fixture.layers.remove(fixture.layers.list()[0]!.diffId);
      }
    });

    it('removes a layer unless a snapshot stands on it', async () => {
      await using fixture = open();
      const layer = await fixture.addLayer(file('f', 'content'));
      fixture.snapshots.create({ id: 'c', layers: [layer], volatile: false });
      await assert.rejects(fixture.layers.remove(layer), (error) => isEngineError(error, 'conflict'));
      fixture.snapshots.mount('c');
      await fixture.snapshots.remove('c');
      await fixture.layers.remove(layer);
      assert.equal(fixture.layers.get(layer), undefined);
      // Both are released while the caller does not know.
      await fixture.snapshots[Symbol.asyncDispose]();
      await fixture.layers[Symbol.asyncDispose]();
      assert.deepEqual(fixture.layerNames(), []);
      assert.deepEqual(fixture.mounts(), []);
    });

    it('finds its layers again and clears what an interrupted run left', async () => {
      await using fixture = open();
      const layer = await fixture.addLayer(file('f', 'content'));
      const before = fixture.layers.list();
      mkdirSync(join(fixture.layerRoot, '.staging-AbCdEf'));
      writeFileSync(join(fixture.layerRoot, '.staging-AbCdEf/layer.tar'), 'half');
      mkdirSync(join(fixture.layerRoot, '0'.repeat(64)));
      writeFileSync(join(fixture.layerRoot, '0'.repeat(64), 'layer.tar'), '');
      mkdirSync(join(fixture.runDirectory, 'layers/.probe-AbCdEf'));
      mkdirSync(join(fixture.layerRoot, `.trash-${'1'.repeat(64)}`));
      fixture.reopen();
      assert.deepEqual(fixture.layers.list(), before);
      assert.equal(fixture.layerNames().length, 1);
      await withView(fixture, [layer], (root) => {
        assert.equal(readFileSync(join(root, 'f'), 'utf8'), 'content');
      });
    });
  });
}

describe('layer store', () => {
  it('runs programs from an indexed tar', async () => {
    await using fixture = new LayerFixture('erofs');
    const program = readFileSync('/bin/true');
    const layer = await fixture.addLayer(file('pad', 'x'), file('true', program, { mode: 0o755 }));
    await withView(fixture, [layer], (root) => {
      assert.ok(readFileSync(join(root, 'true')).equals(program));
      execFileSync(join(root, 'true'));
    });
  });

  it('shares the file of an uncompressed blob instead of copying it', async () => {
    await using fixture = new LayerFixture('erofs');
    const layer = await fixture.addLayer(file('f', 'content'));
    const { tar } = layerPaths(join(fixture.layerRoot, digestHex(layer)));
    assert.equal(statSync(tar).ino, statSync(fixture.content.path(layer)).ino);
  });

  it('finds out where EROFS cannot be mounted from files', async () => {
    await using fixture = new LayerFixture('auto');
    assert.equal(fixture.layers.kind, 'erofs');
    const memory = join(fixture.path, 'memory');
    mkdirSync(memory);
    mountTmpfs(memory);
    try {
      assert.ok(probeErofs(memory, fixture.runDirectory) instanceof Error);
    } finally {
      unmountAll(memory);
    }
  });

  it('prints how long unpacking takes', async (context) => {
    const tar = execFileSync('tar', ['-cf', '-', '-C', '/', 'usr/share/perl'], {
      maxBuffer: 1 << 30,
    });
    const packed = gzipSync(tar, { level: 1 });
    for (const kind of ['erofs', 'directory'] as const) {
      await using fixture = new LayerFixture(kind, { maximumLayerBytes: 1 << 30, maximumEntries: 1e6 });
      for (const [compression, bytes] of [
        ['gzip', packed],
        ['none', tar],
      ] as const) {
        const blob = await fixture.addBlob(bytes);
        const start = performance.now();
        const { diffId } = await fixture.layers.unpack({ blob, compression });
        const ms = (performance.now() - start).toFixed(0);
        context.diagnostic(`${kind} ${compression}: ${(tar.length / 1e6).toFixed(0)} MB in ${ms} ms`);
        await fixture.layers.remove(diffId);
      }
    }
  });
});

describe('layer store on a full disk', () => {
  it('says so, keeps nothing and goes on', async () => {
    await using fixture = new LayerFixture('directory');
    const small = join(fixture.path, 'small');
    mkdirSync(small);
    mountTmpfs(small, { sizeBytes: 1 << 20 });
    try {
      await using layers = createLayerStore({
        rootDirectory: join(small, 'layers'),
        runDirectory: join(fixture.runDirectory, 'layers'),
        content: fixture.content,
        mode: 'auto',
        limits: fixture.limits,
        lost: fixture.lost,
        logger: silentLogger,
        workers: fixture.workers,
      });
      assert.equal(layers.kind, 'directory');
      const big = tarOf(file('f', Buffer.alloc(4 << 20, 'x')));
      for (const [bytes, compression] of [
        [big, 'none'],
        [gzipSync(big), 'gzip'],
      ] as const) {
        const blob = await fixture.addBlob(bytes);
        await assert.rejects(layers.unpack({ blob, compression }), (error) =>
          isEngineError(error, 'exhausted'),
        );
        assert.deepEqual(readdirSync(join(small, 'layers')), []);
      }
      const blob = await fixture.addBlob(tarOf(file('f', 'fits')));
      await layers.unpack({ blob, compression: 'none' });
      assert.equal(layers.list().length, 1);
    } finally {
      unmountAll(small);
    }
  });
});
