import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError } from '#base/errors.ts';
import { encodeHeader, type TarHeaderFields } from '#oci/tar-writer.ts';
import { createRootArchive, type WorkerRootArchive } from './root-archive.ts';
import { directory, file, readAll, tarOf, type Member } from './layer-store.fixture.ts';

const PLAIN = { noOverwriteDirNonDir: false, copyUidGid: false };

function namesIn(tar: Buffer): string[] {
  return execFileSync('tar', ['-tPf', '-'], { input: tar, encoding: 'utf8' }).trim().split('\n');
}

async function namesOf(archive: WorkerRootArchive, root: string, path: string): Promise<string[]> {
  return namesIn(await readAll((await archive.get(root, path)).tar));
}

function isNotFound(error: unknown): boolean {
  return isEngineError(error, 'not-found');
}

function isRefusal(text: string): (error: unknown) => boolean {
  return (error) => isEngineError(error, 'invalid') && error.message.startsWith(text);
}

describe('root archive', () => {
  const base = mkdtempSync(join(tmpdir(), 'caisson-archive-'));
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  let archive: WorkerRootArchive;

  before(() => {
    archive = createRootArchive();
    mkdirSync(join(root, 'etc/sub'), { recursive: true });
    mkdirSync(join(root, 'dest'));
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'secret');
    writeFileSync(join(root, 'etc/motd'), 'hello');
    writeFileSync(join(root, 'etc/sub/x'), 'x');
    chmodSync(join(root, 'etc/motd'), 0o4755);
    utimesSync(join(root, 'etc/motd'), 1_700_000_000, 1_700_000_000.5);
    symlinkSync('motd', join(root, 'etc/link'));
    symlinkSync('/etc', join(root, 'absolute'));
    symlinkSync('nowhere/deep', join(root, 'broken'));
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync(outside, join(root, 'escape'));
    symlinkSync(`../../../../../..${outside}`, join(root, 'climb'));
  });

  after(async () => {
    await archive[Symbol.asyncDispose]();
    rmSync(base, { recursive: true });
  });

  const put = (path: string, members: readonly Member[], options = {}) =>
    archive.put(root, path, Readable.from([tarOf(...members)]), { ...PLAIN, ...options });

  describe('stat', () => {
    it('describes files, directories and links', async () => {
      assert.deepEqual(await archive.stat(root, '/etc/motd'), {
        name: 'motd',
        sizeBytes: 5,
        mode: 0o104755,
        modifiedNs: 1_700_000_000_500_000_000n,
        linkTarget: '',
      });
      const found = await archive.stat(root, 'etc');
      assert.deepEqual([found.name, found.mode, found.linkTarget], ['etc', 0o040755, '']);
      const link = await archive.stat(root, '/etc/link');
      assert.deepEqual([link.name, link.mode, link.linkTarget], ['link', 0o120777, '/etc/motd']);
    });

    it('follows links before the last part, and at its end with a slash or dot', async () => {
      assert.equal((await archive.stat(root, '/absolute/motd')).sizeBytes, 5);
      assert.equal((await archive.stat(root, '/absolute')).linkTarget, '/etc');
      const names = ['/absolute/', '/absolute/.', '/', '/.', '/etc/../etc/sub'];
      const stats = await Promise.all(names.map((name) => archive.stat(root, name)));
      assert.deepEqual(
        stats.map(({ name }) => name),
        ['absolute', '.', '/', '.', 'sub'],
      );
      for (const { mode } of stats) assert.equal(mode, 0o040755);
    });

    it('tells where links lead, as far as there is anything', async () => {
      assert.equal((await archive.stat(root, '/broken')).linkTarget, '/nowhere/deep');
      assert.equal((await archive.stat(root, '/escape')).linkTarget, outside);
      assert.ok((await archive.stat(root, '/loop')).linkTarget.startsWith('/'));
    });

    it('never leaves the root', async () => {
      for (const path of [
        '/escape/secret',
        '/climb/secret',
        `/../../..${outside}/secret`,
        '/none',
        '/broken/x',
      ]) {
        await assert.rejects(archive.stat(root, path), isNotFound, path);
        await assert.rejects(archive.get(root, path), isNotFound, path);
      }
      await assert.rejects(archive.stat(root, '/etc/motd/x'), (error) => isEngineError(error, 'invalid'));
      await assert.rejects(put('/escape', []), isNotFound);
    });
  });

  describe('get', () => {
    it('packs a file, a directory, its content and a link itself', async () => {
      assert.deepEqual(await namesOf(archive, root, '/etc/motd'), ['motd']);
      assert.deepEqual(await namesOf(archive, root, '/etc/link'), ['link']);
      assert.deepEqual(await namesOf(archive, root, '/etc'), [
        'etc/',
        'etc/link',
        'etc/motd',
        'etc/sub/',
        'etc/sub/x',
      ]);
      assert.deepEqual(await namesOf(archive, root, '/absolute/.'), [
        './',
        './link',
        './motd',
        './sub/',
        './sub/x',
      ]);
      assert.deepEqual(await namesOf(archive, root, '/absolute/'), [
        'absolute/',
        'absolute/link',
        'absolute/motd',
        'absolute/sub/',
        'absolute/sub/x',
      ]);
      assert.ok((await namesOf(archive, root, '/')).includes('/etc/motd'));
    });
  });

  describe('put', () => {
    it('merges directories and replaces everything else', async () => {
      await put('/dest', [
        directory('d', { mode: 0o700 }),
        file('d/f', 'one', { uid: 7, gid: 8, mode: 0o640 }),
      ]);
      await put('/dest/', [file('implied/deep/f', 'x'), file('d/g', 'two'), file('d/f', 'three')]);
      assert.deepEqual(readdirSync(join(root, 'dest/d')), ['f', 'g']);
      assert.equal(readFileSync(join(root, 'dest/d/f'), 'utf8'), 'three');
      assert.equal(statSync(join(root, 'dest/d')).mode & 0o7777, 0o700);
      assert.equal(statSync(join(root, 'dest/implied/deep')).mode & 0o7777, 0o755);
      await put('/dest', [file('d', 'a file now'), directory('implied/deep/f')]);
      assert.equal(readFileSync(join(root, 'dest/d'), 'utf8'), 'a file now');
      assert.ok(statSync(join(root, 'dest/implied/deep/f')).isDirectory());
    });

    it('keeps owners, modes, times and links, or gives everything to one owner', async () => {
      const members: Member[] = [
        file('owned', 'x', { uid: 7, gid: 8, mode: 0o6711, mtimeNs: 1_600_000_000_000_000_123n }),
        { path: 'hard', type: 'hardlink', linkName: 'owned' },
        { path: 'soft', type: 'symlink', linkName: '/etc/motd', uid: 7 },
        { path: 'pipe', type: 'fifo', mode: 0o622 },
      ];
      await put('/dest', members);
      const stats = lstatSync(join(root, 'dest/owned'), { bigint: true });
      assert.deepEqual([stats.uid, stats.gid, stats.nlink], [7n, 8n, 2n]);
      assert.equal(stats.mode & 0o7777n, 0o6711n);
      assert.equal(stats.mtimeNs, 1_600_000_000_000_000_123n);
      assert.equal(lstatSync(join(root, 'dest/soft')).uid, 7);
      assert.ok(lstatSync(join(root, 'dest/pipe')).isFIFO());
      assert.equal(lstatSync(join(root, 'dest/pipe')).mode & 0o7777, 0o622);
      await put('/dest', members, { copyUidGid: true, owner: { uid: 1000, gid: 1001 } });
      for (const name of ['owned', 'soft', 'pipe']) {
        const { uid, gid } = lstatSync(join(root, 'dest', name));
        assert.deepEqual([uid, gid], [1000, 1001], name);
      }
    });

    it('extracts through links inside the root only', async () => {
      mkdirSync(join(root, 'real'));
      symlinkSync('/real', join(root, 'dest/in'));
      await put('/absolute', [file('added', 'x')]);
      await put('/dest', [file('in/inside', 'x')]);
      assert.equal(readFileSync(join(root, 'etc/added'), 'utf8'), 'x');
      assert.equal(readFileSync(join(root, 'real/inside'), 'utf8'), 'x');
      const hostile: readonly (readonly Member[])[] = [
        [file('../../evil', 'x')],
        [{ path: 'a', type: 'symlink', linkName: outside }, file('a/evil', 'x')],
        [{ path: 'b', type: 'hardlink', linkName: `../../..${outside}/secret` }],
        [{ path: 'c', type: 'symlink', linkName: '../../../../..' }, file(`c${outside}/evil`, 'x')],
      ];
      for (const members of hostile) await put('/dest', members).catch(() => undefined);
      assert.deepEqual(readdirSync(outside), ['secret']);
      assert.deepEqual(readdirSync(base).toSorted(), ['outside', 'root']);
    });

    it('refuses to replace a directory by a file and the other way round when asked to', async () => {
      const strict = { noOverwriteDirNonDir: true };
      await assert.rejects(
        put('/', [file('etc', 'x')], strict),
        isRefusal('Cannot extract "/etc": it is a non-directory, and there is a directory in its place'),
      );
      await assert.rejects(
        put('/etc', [directory('motd')], strict),
        isRefusal('Cannot extract "/etc/motd": it is a directory, and there is a non-directory in its place'),
      );
      assert.ok(statSync(join(root, 'etc/motd')).isFile());
      await assert.rejects(
        put('/etc/motd', []),
        isRefusal('Cannot extract archive: its target is no directory'),
      );
    });

    it('fails on what is cut short, cut off or given up, without destroying the stream', async () => {
      const whole = tarOf(file('f', 'x'.repeat(5000)));
      const cut = Readable.from([whole.subarray(0, 2000)]);
      await assert.rejects(archive.put(root, '/dest', cut, PLAIN), (error) =>
        isEngineError(error, 'invalid'),
      );
      const broken = Readable.from(
        (async function* () {
          yield whole.subarray(0, 2000);
          throw new Error('connection lost');
        })(),
      );
      await assert.rejects(archive.put(root, '/dest', broken, PLAIN), /connection lost/);
      const endless = new Readable({ read() {} });
      endless.push(whole.subarray(0, 2000));
      const signal = AbortSignal.timeout(30);
      await assert.rejects(archive.put(root, '/dest', endless, { ...PLAIN, signal }), {
        name: 'TimeoutError',
      });
      assert.equal(endless.destroyed, false);
      endless.destroy();
    });

    it("says in the kernel's words what names of an archive cannot be", async () => {
      const parent: TarHeaderFields = { path: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3 };
      const cases: readonly (readonly [problem: string, TarHeaderFields])[] = [
        ['not a directory', { path: 'null/x', type: 'file' }],
        ['not a directory', { path: 'null/y/z', type: 'file' }],
        ['file name too long', { path: 'a'.repeat(300), type: 'file' }],
        ['no such file or directory', { path: 'l', type: 'symlink', linkName: '' }],
      ];
      for (const [problem, entry] of cases)
        await assert.rejects(
          archive.put(root, '/dest', Readable.from([encodeHeader(parent), encodeHeader(entry)]), PLAIN),
          (error) => isEngineError(error, 'invalid') && error.message.endsWith(problem),
          entry.path,
        );
    });

    it('takes compressed archives', async () => {
      const tar = tarOf(file('packed', 'content'));
      const programs = ['bzip2', 'xz'].map((program) => execFileSync(program, { input: tar }));
      for (const packed of [gzipSync(tar), zstdCompressSync(tar), ...programs]) {
        rmSync(join(root, 'dest/packed'), { force: true });
        await archive.put(root, '/dest', Readable.from([packed.subarray(0, 3), packed.subarray(3)]), PLAIN);
        assert.equal(readFileSync(join(root, 'dest/packed'), 'utf8'), 'content');
        const cut = Readable.from([packed.subarray(0, -12)]);
        await assert.rejects(archive.put(root, '/dest', cut, PLAIN), (error) =>
          isEngineError(error, 'invalid'),
        );
      }
    });

    it('drains a stream whose archive was refused early', async () => {
      const big = Buffer.alloc(1 << 20);
      const stream = Readable.from([tarOf(file('../evil', 'x')), ...Array.from({ length: 20 }, () => big)]);
      await assert.rejects(archive.put(root, '/dest', stream, PLAIN), (error) =>
        isEngineError(error, 'invalid'),
      );
      if (!stream.readableEnded) await new Promise((resolve) => stream.once('end', resolve));
    });
  });

  it('prints how long 1,000 files take out and in', async (context) => {
    const many = Array.from({ length: 1000 }, (_, index) =>
      file(`d${index % 40}/f${index}`, 'x'.repeat(index)),
    );
    mkdirSync(join(root, 'many'));
    const times: string[] = [];
    for (const round of ['cold', 'warm']) {
      const start = performance.now();
      await put('/many', many);
      const middle = performance.now();
      const { tar } = await archive.get(root, '/many');
      const { length } = await readAll(tar);
      assert.ok(length > 1000 * 512);
      times.push(
        `${round}: in ${(middle - start).toFixed(0)} ms, out ${(performance.now() - middle).toFixed(0)} ms`,
      );
    }
    context.diagnostic(times.join('; '));
  });
});
