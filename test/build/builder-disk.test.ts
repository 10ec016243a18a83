/** What the builder keeps on disk, how it is shown, and what may stay. */
import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BuildEngine } from '../support/build-engine.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { until } from '#base/testing.ts';

const MEGABYTE = 1_000_000;
const NO_FILTERS = new Map<string, readonly string[]>();
const EVERYTHING = { filters: NO_FILTERS, all: true, keepBytes: 0 };
const program = join(import.meta.dirname, '../../src/main/caisson.ts');

const fill = (name: string) => `RUN dd if=/dev/zero of=/${name} bs=${MEGABYTE} count=1 2>/dev/null`;

test('records: what they are, what stands on what, what images share', async () => {
  await using engine = await BuildEngine.start();
  await engine.importBusybox();
  const dockerfileText = `FROM bb\n${fill('a')}\nENV X=y\nCOPY f /f\n`;
  const files = [{ path: 'f', content: 'f', mode: 0o644 }];
  const { builds, images } = engine.engine;
  await engine.build({ dockerfileText, files, references: ['shared'] });
  const { cachedSteps } = await engine.build({ dockerfileText, files, references: ['shared'] });
  assert.equal(cachedSteps, 2);
  const [run, copy, ...others] = builds.cacheRecords();
  assert.ok(run && copy);
  assert.deepEqual(others, []);
  assert.match(run.description, /exec \/bin\/sh -c dd/);
  assert.deepEqual([run.type, run.isShared, run.isInUse, run.uses], ['regular', true, false, 1]);
  assert.equal(run.sizeBytes, MEGABYTE);
  assert.deepEqual(copy.parents, [run.id]);
  assert.ok(run.usedAtMs >= run.createdAtMs);
  // Images hold them: nothing is freed, and without `all` nothing is forgotten.
  assert.deepEqual(await builds.prune({ ...EVERYTHING, all: false }), { deleted: [], spaceReclaimed: 0 });
  await images.remove('shared', { force: true, prune: true });
  const report = await builds.prune(EVERYTHING);
  assert.deepEqual(new Set(report.deleted), new Set([run.id, copy.id]));
  assert.equal(report.spaceReclaimed, MEGABYTE + 1);
  assert.deepEqual(builds.cacheRecords(), []);
});

test('filters and limits choose; what was used longest ago goes first', async () => {
  await using engine = await BuildEngine.start();
  await engine.importBusybox();
  const { builds } = engine.engine;
  const outputs = [{ type: 'cacheonly', attributes: {} }] as const;
  for (const name of ['a', 'b', 'c'])
    await engine.build({ dockerfileText: `FROM bb\n${fill(name)}\n`, outputs });
  await engine.build({ dockerfileText: `FROM bb\n${fill('a')}\n`, outputs });
  const names = () => builds.cacheRecords().map(({ description }) => /of=\/(\w)/.exec(description)?.[1]);
  assert.deepEqual(names(), ['b', 'c', 'a']);
  const prune = (filters: Record<string, string[]>, keepBytes = 0) =>
    builds.prune({ filters: new Map(Object.entries(filters)), all: false, keepBytes });
  assert.deepEqual((await prune({ until: ['1h'] })).deleted, []);
  assert.deepEqual((await prune({ type: ['exec.cachemount'] })).deleted, []);
  assert.deepEqual((await prune({ inuse: ['true'] })).deleted, []);
  assert.equal((await prune({}, 2 * MEGABYTE)).spaceReclaimed, MEGABYTE);
  assert.deepEqual(names(), ['c', 'a']);
  const [first] = builds.cacheRecords();
  assert.deepEqual((await prune({ id: [first?.id.slice(0, 12) ?? ''] })).deleted, [first?.id]);
  assert.equal((await prune({ 'unused-for': ['0s'] })).spaceReclaimed, MEGABYTE);
  await assert.rejects(prune({ color: ['red'] }), /invalid filter 'color'/);
  await assert.rejects(prune({ until: ['long'] }), /invalid duration/);
  await assert.rejects(prune({}, 0.5), /keep-storage is in bytes/);
});

/** A client whose builds wait for it in the middle of a step. */
class HoldingSession extends DirectorySession {
  readonly asked = Promise.withResolvers<void>();
  readonly release = Promise.withResolvers<void>();

  override async secret(): Promise<undefined> {
    this.asked.resolve();
    await this.release.promise;
  }
}

test('what a build uses stays while it runs', async () => {
  await using engine = await BuildEngine.start();
  await engine.importBusybox();
  const { builds } = engine.engine;
  const outputs = [{ type: 'cacheonly', attributes: {} }] as const;
  const first = `FROM bb\n${fill('a')}\n`;
  await engine.build({ dockerfileText: first, outputs });
  const session = new HoldingSession(join(engine.directory, 'session'));
  const second = `${first}RUN --mount=type=secret,id=held true\n`;
  const running = engine.build({ dockerfileText: second, outputs, session });
  await session.asked.promise;
  assert.deepEqual(
    builds.cacheRecords().map(({ isInUse }) => isInUse),
    [true],
  );
  assert.deepEqual((await builds.prune(EVERYTHING)).deleted, []);
  session.release.resolve();
  await running;
  assert.equal((await builds.prune(EVERYTHING)).deleted.length, 2);
});

test('the budget holds after builds', async () => {
  await using engine = await BuildEngine.start({
    buildCache: { enabled: true, keepBytes: 2.5 * MEGABYTE },
  });
  await engine.importBusybox();
  const { builds } = engine.engine;
  const outputs = [{ type: 'cacheonly', attributes: {} }] as const;
  for (const name of ['a', 'b', 'c', 'd'])
    await engine.build({ dockerfileText: `FROM bb\n${fill(name)}\n`, outputs });
  const total = () => builds.cacheRecords().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await until(
    () => total() <= 2.5 * MEGABYTE,
    () => `${total()} bytes are too many`,
  );
  assert.equal(total(), 2 * MEGABYTE);
});

test('directories of cache mounts are records of their own', async () => {
  await using engine = await BuildEngine.start();
  await engine.importBusybox();
  const { builds } = engine.engine;
  const outputs = [{ type: 'cacheonly', attributes: {} }] as const;
  const dockerfileText = `FROM bb\nRUN --mount=type=cache,id=kept,target=/c dd if=/dev/zero of=/c/x bs=${MEGABYTE} count=1\n`;
  await engine.build({ dockerfileText, outputs });
  const filters = new Map([['type', ['exec.cachemount']]]);
  const found = () => builds.cacheRecords().filter(({ type }) => type === 'exec.cachemount');
  // It is measured once it is not in use any more.
  await until(() => found()[0]?.sizeBytes === MEGABYTE, 'it is measured');
  const [record] = found();
  assert.match(record?.description ?? '', /kept/);
  assert.deepEqual(await builds.prune({ filters, all: false, keepBytes: 0 }), {
    deleted: [record?.id],
    spaceReclaimed: MEGABYTE,
  });
  assert.deepEqual(found(), []);
});

test('docker system df, caisson builder df and prune', async () => {
  const context = mkdtempSync('/tmp/caisson-disk-');
  const daemon = await TestDaemon.start();
  try {
    await importBusybox(daemon);
    writeFileSync(join(context, 'Dockerfile'), `FROM bb\n${fill('a')}\nCMD ["x"]\n`);
    await dockerOk(daemon, ['build', '-t', 'x', context], { env: { DOCKER_BUILDKIT: '0' } });
    const usage = await dockerOk(daemon, ['system', 'df', '--format', '{{.Type}} {{.TotalCount}}']);
    assert.match(usage, /^Build Cache 1$/m);
    const old = await requestJson<{ BuilderSize: number }>(daemon.socket, 'GET', '/v1.41/system/df');
    assert.ok(old.BuilderSize >= 1_000_000);
    assert.equal(
      JSON.parse((await request(daemon.socket, 'GET', '/v1.42/system/df')).body).BuilderSize,
      undefined,
    );
    const caisson = async (...args: readonly string[]) => {
      const outcome = await runProgram(process.execPath, [program, '-H', daemon.host, ...args]);
      assert.equal(outcome.exitCode, 0, outcome.stderr);
      return outcome.stdout;
    };
    const shown = await caisson('builder', 'df');
    assert.match(shown, /^CACHE ID +CACHE TYPE .*\n[0-9a-f]{12} +regular +1MB .* true *\n/);
    assert.match(shown, /Reclaimable: 0B\nTotal: 1MB\n$/);
    assert.equal(await caisson('builder', 'prune', '-f'), 'Total reclaimed space: 0B\n');
    await dockerOk(daemon, ['rmi', 'x']);
    const pruned = await caisson('builder', 'prune', '-af');
    assert.match(pruned, /^Deleted build cache objects:\n[0-9a-f]{64}\n\nTotal reclaimed space: 1MB\n$/);
  } finally {
    await daemon[Symbol.asyncDispose]();
    rmSync(context, { recursive: true, force: true });
  }
});
