/** `caisson system check` finds what is damaged, lost or without an owner; `system repair` mends what can be mended. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { fromSource } from '../support/own-cli.ts';

const CONTENT = 'x'.repeat(300_000);
const UNOWNED = createHash('sha256').update('words').digest('hex');

let engine: TestDaemon;
let registry: DebianRegistry;
const ok = (...args: readonly string[]) => dockerOk(engine, args);

before(async () => {
  registry = await DebianRegistry.start();
  engine = await TestDaemon.start('--network-pool', '1');
  await importBusybox(engine);
  const root = Buffer.concat([tarOf({ path: 'big', content: CONTENT }).subarray(0, -1024), busyboxRootTar()]);
  await dockerOk(engine, ['import', '-', `${registry.host}/packed`], { input: root });
  await ok('push', `${registry.host}/packed`);
  await ok('rmi', `${registry.host}/packed`);
  // Now its blob is compressed, and not the tar itself.
  await ok('pull', `${registry.host}/packed`);
});

after(async () => {
  await using _registry = registry;
  await engine[Symbol.asyncDispose]();
});

function system(...args: readonly string[]): Promise<Outcome> {
  const [program = '', ...words] = fromSource;
  return runProgram(program, [...words, '-H', engine.host, 'system', ...args]);
}

interface Fault {
  readonly Part: string;
  readonly Subject: string;
  readonly Problem: string;
  readonly Repair: string;
  readonly Advice: string;
}

const faultsIn = ({ stdout }: Outcome): readonly Fault[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line): Fault => JSON.parse(line));

/** The faults of a check, in short. */
async function faults(): Promise<readonly string[]> {
  const outcome = await system('check', '--format', 'json');
  const found = faultsIn(outcome);
  assert.equal(outcome.exitCode, found.length === 0 ? 0 : 1, outcome.stderr);
  return found
    .map(({ Part, Problem }) => `${Part}: ${Problem.replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST')}`)
    .toSorted();
}

function overwrite(path: string, offset: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'damage', offset);
  closeSync(fd);
}

async function layerOf(container: string): Promise<string> {
  const id = await ok('inspect', '-f', '{{.Id}}', container);
  return join(engine.root, 'layers', readlinkSync(join(engine.root, 'snapshots', id, 'layers-0')));
}

const blobPath = (digest: string) => join(engine.root, 'content/blobs', digest.replace(':', '/'));

function blobOf(layer: string): string {
  const { blob }: { readonly blob: string } = JSON.parse(readlinkSync(join(layer, 'record')));
  return blobPath(blob);
}

const names = () =>
  ['content/blobs/sha256', 'layers', 'snapshots', 'containers', 'volumes'].map((directory) =>
    readdirSync(join(engine.root, directory)).toSorted(),
  );

test('where nothing is wrong, that is said, with what was looked at', async () => {
  const { exitCode, stdout } = await system('check');
  assert.match(
    stdout,
    /^Checked \d+ blobs, \d+ layers \(.*B read\), \d+ images, \d+ containers, \d+ volumes and \d+ networks: nothing is wrong\n$/,
  );
  assert.equal(exitCode, 0);
  assert.match((await system('repair')).stdout, /nothing was wrong/);
});

test('what is damaged, or without an owner, is told, left alone by a check, and mended by a repair', async () => {
  await ok('run', '-d', '--name', 'runs', `${registry.host}/packed`, 'sleep', '1000');
  const layer = await layerOf('runs');
  // In the contents of a file: nothing but reading all of it tells.
  overwrite(join(layer, 'layer.tar'), 5000);
  writeFileSync(join(engine.root, 'content/blobs/sha256', UNOWNED), 'words');
  const before = names();
  assert.deepEqual(await faults(), ['blob: no record owns it', 'layer: its tar is damaged']);
  assert.deepEqual(names(), before, 'a check changes nothing');
  const table = await system('check');
  assert.match(table.stdout, /^PART +SUBJECT +PROBLEM +REPAIR +ADVICE\n/);
  assert.match(table.stdout, /made again from its blob/);
  assert.match(table.stdout, /: 2 faults; caisson system repair mends what it can\n$/);

  const repaired = await system('repair');
  assert.equal(repaired.exitCode, 0, repaired.stdout);
  assert.match(repaired.stdout, /: 2 of 2 faults are mended\nlost\+found below the root .* holds 1 things/);
  assert.ok(!existsSync(join(engine.root, 'content/blobs/sha256', UNOWNED)));
  assert.deepEqual(await faults(), []);
  assert.equal(await ok('exec', 'runs', 'echo', 'fine'), 'fine', 'what runs goes on');
  await ok('restart', '-t', '0', 'runs');
  assert.equal(await ok('exec', 'runs', 'md5sum', '/big').then((text) => text.length > 32), true);
  assert.equal(await ok('run', '--rm', `${registry.host}/packed`, 'sh', '-c', 'tr -d x < /big'), '');
  await ok('rm', '-f', 'runs');
});

test('a layer whose blob is damaged is back after a pull; nothing but --delete deletes', async () => {
  await ok('create', '--name', 'on', `${registry.host}/packed`, 'sh', '-c', 'tr -d x < /big; echo whole');
  const layer = await layerOf('on');
  overwrite(blobOf(layer), 100);
  overwrite(join(layer, 'layer.tar'), 5000);
  const repaired = await system('repair', '--format', 'json');
  assert.equal(repaired.exitCode, 1);
  const found = faultsIn(repaired);
  assert.deepEqual(
    found.map(({ Part, Repair }) => `${Part} ${Repair}`),
    ['blob moved to lost+found', 'layer ', 'image ', 'image '],
  );
  assert.match(found[1]?.Advice ?? '', /its blob .* is missing; pull, load or build its image again/);
  assert.ok(!existsSync(layer));
  await ok('pull', `${registry.host}/packed`);
  assert.deepEqual(await faults(), []);
  assert.equal(await ok('start', '-a', 'on'), 'whole');
  await ok('rm', 'on');

  assert.equal(readdirSync(join(engine.root, 'lost+found')).length, 3);
  writeFileSync(join(engine.root, 'lost+found/#12345'), 'of fsck');
  assert.match((await system('repair', '--delete')).stdout, /Deleted from lost\+found: 3\n/);
  assert.deepEqual(readdirSync(join(engine.root, 'lost+found')), ['#12345']);
  rmSync(join(engine.root, 'lost+found'), { recursive: true });
});

test('dead containers, lost volumes, missing layers and blobs', async () => {
  await ok('volume', 'create', 'gone');
  await ok('create', '--name', 'dead', 'bb', 'true');
  const id = await ok('inspect', '-f', '{{.Id}}', 'dead');
  const config = await ok('inspect', '-f', '{{.Id}}', 'bb');
  await ok('network', 'create', 'damaged');
  await engine.stop();
  {
    using database = new DatabaseSync(join(engine.root, 'metadata.db'));
    database.exec(`UPDATE network_networks SET definition = '{}' WHERE name = 'damaged'`);
  }
  rmSync(join(engine.root, 'volumes/gone'), { recursive: true });
  rmSync(join(engine.root, 'snapshots', id), { recursive: true });
  await engine.start();
  rmSync(blobPath(config));
  assert.deepEqual(await faults(), [
    'container: Cannot use container ' + id + ': its snapshot is lost: it is missing',
    'image: its blob DIGEST is missing',
    'network: Cannot use network damaged: its record is damaged (driver is not what it was); remove it (network rm), and create it again',
    'volume: its directory is missing',
  ]);
  assert.equal((await system('repair')).exitCode, 1);
  await ok('rm', 'dead');
  await ok('volume', 'rm', 'gone');
  await ok('network', 'rm', 'damaged');
  await importBusybox(engine, 'again');
  await importBusybox(engine);
  await ok('image', 'prune', '-f');
  await ok('rmi', 'again');
});
