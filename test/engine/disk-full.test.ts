/** A full disk: clear errors, a store that stays intact, containers that run on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { until } from '#base/testing.ts';

const MIB = 2 ** 20;
const DISK_BYTES = 96 * MIB;
const NO_SPACE = /no space left on device/;

/** The two ways of keeping layers need different file systems. */
const DISKS: Readonly<Record<string, (daemon: TestDaemon) => void>> = {
  'ext4 (layers as EROFS)': ({ directory, root }) => {
    const image = join(directory, 'disk.img');
    closeSync(openSync(image, 'w'));
    truncateSync(image, DISK_BYTES);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image]);
    execFileSync('mount', ['-o', 'loop', image, root]);
  },
  'tmpfs (layers as directories)': ({ root }) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', root]);
  },
};

/** A daemon whose root is a small disk of its own. */
async function startOnDisk(mount: (daemon: TestDaemon) => void): Promise<TestDaemon> {
  const daemon = new TestDaemon();
  mkdirSync(daemon.root);
  mount(daemon);
  await daemon.start();
  await importBusybox(daemon);
  return daemon;
}

function storedFiles({ root }: TestDaemon): readonly string[] {
  return ['content/blobs/sha256', 'content/ingest', 'layers'].flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => !name.startsWith('.trash'))
      .map((name) => join(directory, name))
      .toSorted(),
  );
}

/** Takes all that is left of the daemon's disk, until the daemon notices: it may still be deleting things. */
async function fillDisk(daemon: TestDaemon): Promise<Disposable> {
  const path = join(daemon.root, 'filler');
  await until(() => {
    appendAsMuchAsFits(path);
    return NO_SPACE.test(daemon.log());
  }, 'the daemon has no space left');
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function appendAsMuchAsFits(path: string): void {
  const fd = openSync(path, 'a');
  const block = Buffer.alloc(64 * 1024);
  for (let size = block.length; size >= 1; ) {
    try {
      writeSync(fd, block, 0, size);
    } catch {
      size = Math.floor(size / 4);
    }
  }
  closeSync(fd);
}

/** The state of a container that the next daemon would read. */
function storedStatus({ root }: TestDaemon, name: string): unknown {
  using database = new DatabaseSync(join(root, 'metadata.db'), { readOnly: true });
  const query = `SELECT progress ->> '$.state.status' AS status FROM container_containers WHERE name = ?`;
  return database.prepare(query).get(name)?.['status'];
}

for (const [name, mount] of Object.entries(DISKS)) {
  test(`${name}: what does not fit is refused and leaves no trace`, async () => {
    await using engine = await startOnDisk(mount);
    const stored = storedFiles(engine);
    const big = tarOf({ path: 'big', content: randomBytes(DISK_BYTES + 16 * MIB) });
    const archive = dockerArchive({ reference: 'big', layers: [busyboxRootTar(), big] });
    for (const [args, input] of [
      [['load', '-q'], archive],
      [['import', '-', 'big'], big],
    ] as const) {
      const outcome = await docker(engine, args, { input });
      assert.equal(outcome.exitCode, 1, outcome.stdout);
      assert.match(outcome.stderr, NO_SPACE);
      await until(
        () => isDeepStrictEqual(storedFiles(engine), stored),
        () => `nothing of it stays: ${storedFiles(engine).join(' ')}`,
      );
      assert.equal(await dockerOk(engine, ['images', '-q', 'big']), '');
    }
    assert.equal(await dockerOk(engine, ['run', '--rm', 'bb', 'echo', 'alive']), 'alive');
    const small = tarOf({ path: 'small', content: randomBytes(8 * MIB) });
    await dockerOk(engine, ['import', '-', 'small'], { input: small });
    await dockerOk(engine, ['rmi', 'small']);
  });

  test(`${name}: containers run on while the disk is full, and log again when it is not`, async () => {
    await using engine = await startOnDisk(mount);
    const ok = (...args: readonly string[]) => dockerOk(engine, args);
    const ticking =
      'i=0; while [ ! -e /run/stop ]; do echo tick $i; i=$((i + 1)); usleep 10000; done; exit 6';
    await ok('run', '-d', '--name', 'clock', '--tmpfs', '/run', 'bb', 'sh', '-c', ticking);
    const gate = mkdtempSync(join(engine.directory, 'gate-'));
    const untilTold = 'until [ -e /gate/end ]; do usleep 20000; done; exit 5';
    await ok('run', '-d', '--name', 'brief', '-v', `${gate}:/gate`, 'bb', 'sh', '-c', untilTold);
    for (const name of ['stopped', 'created']) await ok('create', '--name', name, 'bb', 'true');
    await ok('start', 'stopped');
    await ok('wait', 'stopped');
    {
      using _full = await fillDisk(engine);
      // First, as nothing is free: what is removed gives room.
      await ok('rm', 'stopped', 'created');
      assert.equal(await ok('inspect', '-f', '{{.State.Running}}', 'clock'), 'true');
      assert.match(engine.log(), NO_SPACE);
      const refused = await docker(engine, ['run', '--name', 'late', 'bb', 'true']);
      if (refused.exitCode !== 0) {
        assert.equal(refused.exitCode, 125, refused.stderr);
        assert.match(refused.stderr, /no space left on device|disk is full/);
      }
      await docker(engine, ['rm', '-f', 'late']);
      writeFileSync(join(gate, 'end'), '');
      assert.equal(await ok('wait', 'brief'), '5', 'an exit is noticed on a full disk too');
    }
    const before = await ok('logs', '--tail', '1', 'clock');
    await until(async () => (await ok('logs', '--tail', '1', 'clock')) !== before, 'later lines are logged');
    await until(() => storedStatus(engine, 'brief') === 'exited', 'what did not fit is stored');
    const lines = engine
      .log()
      .split('\n')
      .filter((line) => /no space left/.test(line));
    assert.ok(lines.length < 20, `the daemon's log is not flooded: ${lines.length} lines`);
    await ok('exec', 'clock', 'touch', '/run/stop');
    assert.equal(await ok('wait', 'clock'), '6');
    await engine.crash();
    const states = await ok('ps', '-a', '--format', '{{.Names}} {{.Status}}');
    assert.match(states, /^brief Exited \(5\)/m);
    assert.match(states, /^clock Exited \(6\)/m);
  });
}
