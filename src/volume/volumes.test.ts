import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { until } from '#base/testing.ts';
import { silentLogger } from '#base/log.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import { getXattr, setXattr } from '#linux/xattrs.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import type { DomainEvent } from '#base/event.ts';
import { createVolumes } from './volumes.ts';
import { volumeMigrations } from './volume-table.ts';
import type { Volumes } from './volume.ts';

class Fixture implements AsyncDisposable {
  readonly directory = mkdtempSync('/tmp/caisson-volume-');
  readonly events: DomainEvent[] = [];
  readonly users = new Map<string, string[]>();
  readonly #files = new ThreadedFileService();
  #metadata: SqliteMetadata | undefined;

  get root(): string {
    return join(this.directory, 'volumes');
  }

  /** As after a start of the engine; an earlier one is over then. */
  async open(): Promise<Volumes> {
    this.#metadata?.[Symbol.dispose]();
    this.#metadata = new SqliteMetadata(this.directory, [volumeMigrations]);
    return await createVolumes({
      rootDirectory: this.root,
      metadata: this.#metadata,
      files: this.#files,
      use: { containersOf: (name) => this.users.get(name) ?? [] },
      emit: (event) => this.events.push(event),
      logger: silentLogger,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#metadata?.[Symbol.dispose]();
    await this.#files[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function makeFixture(t: TestContext): Fixture {
  const fixture = new Fixture();
  t.after(() => fixture[Symbol.asyncDispose]());
  return fixture;
}

describe('volumes', () => {
  test('are created once, shown, and there after a restart', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    const created = await volumes.create({ name: 'data', labels: { a: 'b' } });
    assert.deepEqual(created, {
      createdAtMs: created.createdAtMs,
      driver: 'local',
      labels: { a: 'b' },
      path: join(fixture.root, 'data/_data'),
      name: 'data',
      isAnonymous: false,
    });
    assert.equal(created.createdAtMs % 1000, 0);
    assert.ok(Math.abs(created.createdAtMs - Date.now()) < 60_000);
    assert.deepEqual(await volumes.create({ name: 'data', labels: { other: '' } }), created);
    const anonymous = await volumes.create({});
    assert.match(anonymous.name, /^[0-9a-f]{64}$/);
    assert.equal(anonymous.isAnonymous, true);
    const before = volumes.list();
    assert.equal(before.length, 2);
    assert.deepEqual((await fixture.open()).list(), before);
    assert.deepEqual(
      fixture.events.map(({ action, id, attributes }) => [action, id, attributes]),
      [
        ['create', 'data', { driver: 'local' }],
        ['create', anonymous.name, { driver: 'local' }],
      ],
    );
  });

  test('are not removed while in use', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    await volumes.create({ name: 'data' });
    fixture.users.set('data', ['c1', 'c2']);
    await assert.rejects(volumes.remove('data', { force: true }), {
      code: 'conflict',
      reason: 'volume-in-use',
      details: { containers: 'c1, c2' },
    });
    fixture.users.clear();
    volumes.mounted('data', { containerId: 'c', destination: '/d', readonly: true });
    volumes.unmounted('data', 'c');
    await volumes.remove('data', { force: false });
    assert.equal(volumes.get('data'), undefined);
    assert.deepEqual(readdirSync(fixture.root), []);
    await assert.rejects(volumes.remove('data', { force: false }), {
      code: 'not-found',
      reason: 'no-such-volume',
      subject: 'data',
    });
    await volumes.remove('data', { force: true });
    assert.deepEqual(
      fixture.events.slice(1).map(({ action, attributes }) => [action, attributes]),
      [
        [
          'mount',
          { container: 'c', destination: '/d', propagation: '', 'read/write': 'false', driver: 'local' },
        ],
        ['unmount', { container: 'c', driver: 'local' }],
        ['destroy', { driver: 'local' }],
      ],
    );
  });

  test('are left alone by what gave up before its turn came', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    await volumes.create({ name: 'data' });
    const gone = new AbortController();
    const first = volumes.remove('data', { force: false });
    const second = volumes.remove('data', { force: false, signal: gone.signal });
    gone.abort(new Error('gone'));
    await assert.rejects(second, { message: 'gone' });
    await first;
    await volumes.create({ name: 'other' });
    const { signal } = gone;
    await assert.rejects(volumes.prune({ named: true, filters: new Map(), signal }), { message: 'gone' });
    await assert.rejects(volumes.usage('other', signal), { message: 'gone' });
    assert.deepEqual(
      volumes.list().map(({ name }) => name),
      ['other'],
    );
  });

  test('are listed by name, driver, label and whether a container has them', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    await volumes.create({ name: 'cache', labels: { tier: 'web' } });
    await volumes.create({ name: 'data', labels: { tier: 'db' } });
    fixture.users.set('data', ['c1']);
    const listed = (name: string, value: string) =>
      volumes.list(new Map([[name, [value]]])).map((volume) => volume.name);
    assert.deepEqual(listed('name', 'ach'), ['cache']);
    assert.deepEqual(listed('label', 'tier=db'), ['data']);
    assert.deepEqual(listed('driver', 'nfs'), []);
    assert.deepEqual(listed('dangling', 'true'), ['cache']);
    assert.deepEqual(listed('dangling', 'false'), ['data']);
    assert.throws(() => listed('size', '1'), { code: 'invalid', message: "invalid filter 'size'" });
  });

  test('are pruned where no container has them, those with names only when asked', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    const { path } = await volumes.create({ name: 'kept' });
    writeFileSync(join(path, 'file'), 'x');
    const used = await volumes.create({});
    fixture.users.set(used.name, ['c1']);
    const free = await volumes.create({ labels: { keep: '' } });
    const prune = (named: boolean, filter?: string) =>
      volumes.prune({ named, filters: new Map(filter === undefined ? [] : [[filter, ['keep']]]) });
    assert.deepEqual(await prune(false, 'label!'), { removed: [], reclaimedBytes: 0 });
    assert.deepEqual(await prune(false), { removed: [free.name], reclaimedBytes: 0 });
    assert.deepEqual(await prune(true, 'label'), { removed: [], reclaimedBytes: 0 });
    assert.deepEqual(await prune(true), { removed: ['kept'], reclaimedBytes: 1 });
    assert.deepEqual(
      volumes.list().map(({ name }) => name),
      [used.name],
    );
    const prunes = fixture.events.filter(({ action }) => action === 'prune');
    assert.deepEqual(prunes.at(-1), {
      type: 'volume',
      action: 'prune',
      id: '',
      attributes: { reclaimed: '1' },
    });
    assert.equal(prunes.length, 4);
    await assert.rejects(prune(true, 'name'), { code: 'invalid' });
  });

  test('have names that are safe', async (t) => {
    const volumes = await makeFixture(t).open();
    for (const name of ['../x', '/abs', '.hidden', 'a b', 'a/b', '-x', 'äb', 'x\0y', 'x\n']) {
      await assert.rejects(volumes.create({ name }), {
        code: 'invalid',
        reason: 'volume-name-invalid',
      });
    }
    await assert.rejects(volumes.create({ name: 'q' }), { reason: 'volume-name-short' });
    await assert.rejects(volumes.create({ name: 'qq', driver: 'foo' }), {
      code: 'not-found',
      reason: 'no-such-volume-driver',
      details: { driver: 'foo' },
    });
    await assert.rejects(volumes.create({ name: 'qq', driverOptions: { x: 'y' } }), {
      code: 'invalid',
      reason: 'unknown-volume-option',
      details: { option: 'x' },
    });
    assert.deepEqual(volumes.list(), []);
  });

  test('survive what a crash leaves half-done', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    await volumes.create({ name: 'lost' });
    await volumes.create({ name: 'copied' });
    rmSync(join(fixture.root, 'lost'), { recursive: true });
    mkdirSync(join(fixture.root, 'unfinished/_data'), { recursive: true });
    mkdirSync(join(fixture.root, 'found/_data'), { recursive: true });
    writeFileSync(join(fixture.root, 'found/_data/file'), 'x');
    mkdirSync(join(fixture.root, '.removed-1/_data'), { recursive: true });
    mkdirSync(join(fixture.root, 'copied/_copied/dir'), { recursive: true });
    mkdirSync(join(fixture.root, 'copied/_copying/dir'), { recursive: true });
    const again = await fixture.open();
    assert.deepEqual(
      again.list().map(({ name }) => name),
      ['copied', 'found', 'lost'],
    );
    assert.ok(!existsSync(join(fixture.root, 'lost')), 'it is not replaced by an empty one');
    for (const name of ['copied', 'found']) fixture.users.set(name, ['c1']);
    assert.deepEqual((await again.prune({ named: true, filters: new Map() })).removed, []);
    assert.equal(again.get('lost')?.problem, 'its directory is missing');
    assert.throws(() => again.open('lost'), { reason: 'volume-lost' });
    assert.equal(await again.usage('lost'), 0);
    mkdirSync(join(fixture.root, 'lost/_data'), { recursive: true });
    assert.equal(again.open('lost'), join(fixture.root, 'lost/_data'));
    assert.deepEqual(readdirSync(join(fixture.root, 'copied')), ['_data']);
    assert.deepEqual(readdirSync(join(fixture.root, 'copied/_data')), ['dir']);
    assert.equal(await again.usage('found'), 1);
    // What was half-done is deleted in the background.
    const names = () => readdirSync(fixture.root).toSorted().join(' ');
    await until(() => names() === 'copied found lost', names);
  });
});

/** A root with everything that a tree can hold. */
function fillRoot(root: string, extraFiles: number): void {
  const source = join(root, 'srv/data');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'file'), 'content');
  linkSync(join(source, 'file'), join(source, 'sub/hard'));
  symlinkSync('/etc/passwd', join(source, 'link'));
  writeFileSync(join(source, 'sparse'), 'end');
  truncateSync(join(source, 'sparse'), 8 << 20);
  writeFileSync(join(source, 'suid'), 'x');
  for (let index = 0; index < extraFiles; index++) writeFileSync(join(source, `sub/${index}`), 'x');
  setXattr(join(source, 'file'), 'user.test', 'value');
  const script = `cd ${source} && mkfifo fifo && mknod null c 1 3 && chown -h 12:34 . file link && chmod 4755 suid &&
    touch -h -d '2001-02-03 04:05:06.123456789' link file && chmod 1770 . && touch -d '2002-01-01' .`;
  assert.equal(spawnSync('sh', ['-c', script]).status, 0);
}

function checkCopy(data: string): void {
  assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'content');
  assert.equal(readlinkSync(join(data, 'link')), '/etc/passwd');
  const stats = (name: string) => lstatSync(join(data, name), { bigint: true });
  assert.equal(stats('file').ino, stats('sub/hard').ino);
  assert.deepEqual([stats('file').uid, stats('file').gid, stats('link').uid], [12n, 34n, 12n]);
  assert.equal(stats('file').mtimeNs % 1_000_000_000n, 123456789n);
  assert.equal(stats('link').mtimeNs, stats('file').mtimeNs);
  assert.equal(stats('suid').mode & 0o7777n, 0o4755n);
  assert.equal(stats('sparse').size, 8n << 20n);
  assert.ok(stats('sparse').blocks < 100n);
  assert.ok(stats('fifo').isFIFO() && stats('null').isCharacterDevice());
  assert.equal(getXattr(join(data, 'file'), 'user.test')?.toString(), 'value');
  assert.deepEqual([stats('.').uid, stats('.').mode & 0o7777n], [12n, 0o1770n]);
  assert.equal(new Date(Number(stats('.').mtimeMs)).getFullYear(), 2002);
}

describe('copy-up', () => {
  for (const extraFiles of [0, 500]) {
    test(`copies everything, with ${extraFiles} further files`, async (t) => {
      const fixture = makeFixture(t);
      const volumes = await fixture.open();
      const root = join(fixture.directory, 'root');
      fillRoot(root, extraFiles);
      const { path: data } = await volumes.create({ name: 'data' });
      await volumes.copyUp('data', () => root, '/srv/data');
      checkCopy(data);
      assert.deepEqual(readdirSync(join(fixture.root, 'data')), ['_data']);
      rmSync(join(data, 'file'));
      await volumes.copyUp('data', () => root, '/srv/data');
      assert.ok(!existsSync(join(data, 'file')), 'a volume that is not empty is left alone');
    });
  }

  test('never leaves the root, and copies nothing where nothing is', async (t) => {
    const fixture = makeFixture(t);
    const volumes = await fixture.open();
    const root = join(fixture.directory, 'root');
    mkdirSync(join(root, 'etc/inside'), { recursive: true });
    symlinkSync('/etc', join(root, 'escape'));
    symlinkSync('../../../../../../etc', join(root, 'dots'));
    writeFileSync(join(root, 'plain'), '');
    for (const [name, path] of Object.entries({ absolute: '/escape', dotted: '/dots' })) {
      const { path: data } = await volumes.create({ name });
      await volumes.copyUp(name, () => root, path);
      assert.deepEqual(readdirSync(data), ['inside']);
    }
    const { path: data } = await volumes.create({ name: 'none' });
    await volumes.copyUp('none', () => root, '/missing/path');
    assert.deepEqual(readdirSync(data), []);
    await assert.rejects(
      volumes.copyUp('none', () => root, '/plain'),
      {
        code: 'invalid',
        reason: 'volume-over-file',
        details: { path: '/plain' },
      },
    );
    renameSync(join(root, 'plain'), join(root, 'other'));
  });
});
