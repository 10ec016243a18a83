/** A full disk: clear errors, a store that stays intact, containers that run on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';

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
  for (let attempt = 0; attempt < 40 && !NO_SPACE.test(daemon.log()); attempt++) {
    appendAsMuchAsFits(path);
    await sleep(100);
  }
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
      assert.deepEqual(storedFiles(engine), stored);
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
    await ok('run', '-d', '--name', 'brief', 'bb', 'sh', '-c', 'sleep 1.5; exit 5');
    {
      using _full = await fillDisk(engine);
      assert.equal(await ok('inspect', '-f', '{{.State.Running}}', 'clock'), 'true');
      assert.match(engine.log(), NO_SPACE);
      const refused = await docker(engine, ['run', '--name', 'late', 'bb', 'true']);
      if (refused.exitCode !== 0) {
        assert.equal(refused.exitCode, 125, refused.stderr);
        assert.match(refused.stderr, /no space left on device|disk is full/);
      }
      await docker(engine, ['rm', '-f', 'late']);
      assert.equal(await ok('wait', 'brief'), '5', 'an exit is noticed on a full disk too');
    }
    const before = await ok('logs', '--tail', '1', 'clock');
    await sleep(1200);
    const after = await ok('logs', '--tail', '1', 'clock');
    assert.notEqual(after, before, 'later lines are logged again');
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
