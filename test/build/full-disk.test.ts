/** The disk is full at every stage of a build: it says so, nothing half-done stays, and the daemon works on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { expectCensusWithoutBuilds, expectNothingLeft, storeCensus } from './builder-leftovers.ts';
import { BIG_BYTES, type Stage, StagePlace, STAGES } from './build-stages.ts';
import { wireBuild, type WireBuildWish } from './wire-build.ts';

const POOL_SIZE = 1;
/** The builder keeps no more than a tenth of it. */
const DISK_BYTES = 2 ** 30;

let engine: TestDaemon;
let place: StagePlace;
let empty: readonly string[] = [];

before(async () => {
  place = await StagePlace.start();
  engine = new TestDaemon({ flags: ['--network-pool', String(POOL_SIZE)] });
  const image = join(engine.directory, 'disk.img');
  execFileSync('truncate', ['-s', String(DISK_BYTES), image]);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image]);
  mkdirSync(engine.root);
  execFileSync('mount', ['-o', 'loop', image, engine.root]);
  await engine.start();
  await importBusybox(engine);
  await wireBuild(engine, { Dockerfile: 'FROM bb\n', outputs: [{ type: 'oci', attributes: {} }], ...taking });
  empty = storeCensus(engine);
});

after(async () => {
  await using _place = place;
  await engine[Symbol.asyncDispose]();
});

const taking: Pick<WireBuildWish, 'providers'> = {
  providers: {
    createFile: () => ({
      write: () => undefined,
      finish: () => Promise.resolve(),
      [Symbol.dispose]: () => undefined,
    }),
  },
};

/** Takes the disk but for some bytes. */
function fill(leftBytes: number): Disposable {
  const path = join(engine.root, 'filler');
  const { bavail, bsize } = statfsSync(engine.root);
  execFileSync('fallocate', ['-l', String(bavail * bsize - Math.max(leftBytes, MARGIN_BYTES)), path]);
  if (leftBytes === 0) append(path);
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** Room for what the file system needs for the file itself. */
const MARGIN_BYTES = 1 << 20;

/** Whatever still fits. */
function append(path: string): void {
  const fd = openSync(path, 'a');
  for (let size = MARGIN_BYTES; size >= 1; ) {
    try {
      writeSync(fd, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 4);
    }
  }
  closeSync(fd);
}

/** Everything that writes as much as the large file has. */
const writing = STAGES.filter(({ title }) => !/files$|stored|share/.test(title));

for (const stage of writing) test(`while ${stage.title}`, () => fillDuring(stage));

async function fillDuring(stage: Stage): Promise<void> {
  await stage.prepare?.(place, engine);
  if (stage.prepare) await expectCensusWithoutBuilds(engine, [], empty);
  // What is sent is made before.
  const isSent = / is sent /.test(stage.title);
  if (isSent)
    await wireBuild(engine, { ...stage.again(place), outputs: [{ type: 'cacheonly', attributes: {} }] });
  const [build] = stage.builds(place, () => Promise.resolve());
  assert.ok(build);
  place.letGo();
  // What is still being deleted would give room again.
  await expectNothingLeft(engine, POOL_SIZE);
  {
    using _filled = fill(BIG_BYTES / 2);
    await assert.rejects(wireBuild(engine, build), /no space left on device/);
  }
  if (!stage.isResumed) await expectNothingLeft(engine, POOL_SIZE);
  const again = await wireBuild(engine, { ...stage.again(place), references: ['again:1'] });
  assert.ok(again.cached.length >= (isSent ? 2 : 0), again.cached.join('\n'));
  await expectCensusWithoutBuilds(engine, ['again:1', place.name('base')], empty);
}

test('without any room at all', async () => {
  const wish = { Dockerfile: 'FROM bb\nRUN echo a > /a\n', references: ['again:1'] };
  await expectNothingLeft(engine, POOL_SIZE);
  {
    using _filled = fill(0);
    await assert.rejects(wireBuild(engine, wish), /no space left on device/);
  }
  await wireBuild(engine, wish);
  await expectCensusWithoutBuilds(engine, ['again:1'], empty);
});
