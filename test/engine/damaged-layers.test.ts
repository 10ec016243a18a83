/** Damaged layers are made again from their blobs, and containers on them work again. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readlinkSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, type Outcome } from '../support/docker.ts';

const CONTENT = 'x'.repeat(300_000);

let engine: TestDaemon;
const ok = (...args: readonly string[]) => dockerOk(engine, args);
/** The directory of the topmost layer of a container. */
let layer: string;

before(async () => {
  engine = await TestDaemon.start('--network-pool', '1');
  await loadPacked();
  await ok('create', '--name', 'box', 'packed', 'sh', '-c', 'wc -c < /big');
  layer = await layerOf('box');
});

after(() => engine[Symbol.asyncDispose]());

/** Compressed: the blob of a plain layer is the tar itself. */
async function loadPacked(): Promise<void> {
  const root = Buffer.concat([tarOf({ path: 'big', content: CONTENT }).subarray(0, -1024), busyboxRootTar()]);
  const archive = dockerArchive({ reference: 'packed', layers: [root], blobs: [gzipSync(root)] });
  await dockerOk(engine, ['load', '-q'], { input: archive });
}

async function layerOf(container: string): Promise<string> {
  const id = await ok('inspect', '-f', '{{.Id}}', container);
  const names = readlinkSync(join(engine.root, 'snapshots', id, 'layers-0')).split(',');
  return join(engine.root, 'layers', names.at(-1) ?? '');
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

const index = () => join(layer, 'layer.erofs');
const tar = () => join(layer, 'layer.tar');

const DAMAGES: Readonly<Record<string, () => void>> = {
  'an index that is no file system any more': () => overwrite(index(), 1024, Buffer.alloc(512)),
  'an index with a wrong inode': () =>
    overwrite(index(), statSync(index()).size - 700, Buffer.alloc(600, 0xff)),
  'a cut index': () => truncateSync(index(), 4096),
  'a cut tar': () => truncateSync(tar(), 1024),
  'an emptied tar': () => truncateSync(tar(), 0),
  'no tar': () => rmSync(tar()),
  'no index': () => rmSync(index()),
};

/** While nothing is mounted from it. */
async function damage(how: () => void): Promise<void> {
  await engine.stop();
  how();
  await engine.start();
}

const expectBox = ({ exitCode, stdout, stderr }: Outcome) =>
  assert.deepEqual([exitCode, stdout.trim(), stderr], [0, String(CONTENT.length), '']);

for (const [what, how] of Object.entries(DAMAGES)) {
  test(`${what}: made again when a container starts`, async () => {
    const before = statSync(index()).size + statSync(tar()).size;
    await damage(how);
    expectBox(await docker(engine, ['start', '-a', 'box']));
    assert.match(engine.log(), /a damaged layer was made again/);
    assert.equal(statSync(index()).size + statSync(tar()).size, before);
    expectBox(await docker(engine, ['run', '--rm', 'packed', 'sh', '-c', 'wc -c < /big']));
  });
}

test('a layer whose blob is damaged, too, is told, and there again once its image is', async () => {
  const { blob }: { readonly blob: string } = JSON.parse(readlinkSync(join(layer, 'record')));
  const blobPath = join(engine.root, 'content/blobs', blob.replace(':', '/'));
  await damage(() => {
    overwrite(blobPath, 100, Buffer.alloc(50));
    truncateSync(tar(), 1024);
  });
  const { exitCode, stderr } = await docker(engine, ['start', '-a', 'box']);
  assert.notEqual(exitCode, 0);
  assert.match(
    stderr,
    /Cannot restore layer sha256:.*its blob sha256:.* is damaged; pull, load or build its image again/,
  );
  await loadPacked();
  expectBox(await docker(engine, ['start', '-a', 'box']));
  assert.match(engine.log(), /moved to lost\+found.*a damaged blob/);
  rmSync(join(engine.root, 'lost+found'), { recursive: true });
});
