/** A full disk while an image comes or goes: a clear error, a store that stays intact, a retry that continues. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeRegistry } from '#registry/fake-registry.fixture.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk } from '../support/docker.ts';
import { until } from '#base/testing.ts';

const MIB = 2 ** 20;
const NO_SPACE = /no space left on device/;

/** A daemon whose root is a disk of 64 MB. */
async function startOnDisk(): Promise<TestDaemon> {
  const daemon = new TestDaemon();
  mkdirSync(daemon.root);
  const image = join(daemon.directory, 'disk.img');
  closeSync(openSync(image, 'w'));
  truncateSync(image, 64 * MIB);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image]);
  execFileSync('mount', ['-o', 'loop', image, daemon.root]);
  await daemon.start();
  return daemon;
}

/** Leaves so much on the daemon's disk. */
function occupy({ root }: TestDaemon, leftBytes: number): Disposable {
  const path = join(root, 'filler');
  const { bavail, bsize } = statfsSync(root);
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes), 1));
  return { [Symbol.dispose]: () => rmSync(path) };
}

function hasBlob({ root }: TestDaemon, digest: string): boolean {
  return existsSync(join(root, 'content/blobs', digest.replace(':', '/')));
}

function storedFiles({ root }: TestDaemon): readonly string[] {
  return ['content/blobs/sha256', 'layers'].flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => !name.startsWith('.trash'))
      .map((name) => join(directory, name))
      .toSorted(),
  );
}

/** What failed is cleared away behind the answer. */
async function untilGone(files: () => readonly string[]): Promise<void> {
  await until(
    () => files().length === 0,
    () => `${files().join(', ')} gone`,
  );
}

test('a pull that does not fit says so; with room again it fetches the rest only', async () => {
  await using server = await FakeRegistry.start();
  await using engine = await startOnDisk();
  const big = tarOf({ path: 'big', content: randomBytes(12 * MIB) });
  const image = server.addImage('a/b', 'v1', [busyboxRootTar(), big]);
  const name = `${server.host}/a/b:v1`;
  const [small = '', large = ''] = image.layers;
  server.intercept = async ({ url = '' }) => {
    // The first has all the room it needs.
    if (url.includes(large)) await until(() => hasBlob(engine, small), 'the first layer stored');
    return false;
  };
  {
    using _full = occupy(engine, 18 * MIB);
    const outcome = await docker(engine, ['pull', name]);
    assert.equal(outcome.exitCode, 1, outcome.stdout);
    assert.match(outcome.stderr, NO_SPACE);
    assert.equal(await dockerOk(engine, ['images', '-q']), '');
    await untilGone(() => storedFiles(engine).filter((file) => file.includes('.staging')));
  }
  server.requests.length = 0;
  await dockerOk(engine, ['pull', name]);
  assert.equal(server.count('GET', small), 0, 'the first layer is fetched again');
  const again = server.requests.filter((request) => request.startsWith('GET') && request.includes(large));
  assert.ok(
    again.every((request) => request.includes('bytes=')),
    again.join('\n'),
  );
  await dockerOk(engine, ['rmi', name]);
  assert.deepEqual(storedFiles(engine), []);
  assert.deepEqual(readdirSync(join(engine.root, 'content/ingest')), []);
});

test('a push that has no room to compress says so, leaves nothing, and works when there is room', async () => {
  await using server = await FakeRegistry.start();
  await using engine = await startOnDisk();
  const name = `${server.host}/a/b:v1`;
  const big = tarOf({ path: 'big', content: randomBytes(12 * MIB) });
  await dockerOk(engine, ['load', '-q'], {
    input: dockerArchive({ reference: name, layers: [busyboxRootTar(), big] }),
  });
  const stored = storedFiles(engine);
  {
    using _full = occupy(engine, 6 * MIB);
    const outcome = await docker(engine, ['push', name]);
    assert.equal(outcome.exitCode, 1, outcome.stdout);
    assert.match(outcome.stderr, NO_SPACE);
    assert.equal(server.manifests.size, 0);
    await untilGone(() => readdirSync(join(engine.root, 'content/ingest')));
    assert.deepEqual(
      stored.filter((file) => !storedFiles(engine).includes(file)),
      [],
    );
  }
  await dockerOk(engine, ['push', name]);
  assert.equal(server.count('PUT', '/manifests/v1'), 1);
  assert.match(await dockerOk(engine, ['run', '--rm', name, 'echo', 'alive']), /alive/);
});
