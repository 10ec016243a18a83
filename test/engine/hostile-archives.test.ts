/** Archives that lie, escape, explode or end early, through load, import and cp: refused, and nothing stays. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive, dockerArchiveMembers, hexDigest } from '../fixtures/docker-archive.ts';
import { encodeMember, type TarMember, tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox, type Outcome } from '../support/docker.ts';
import { request } from '../support/http.ts';
import { RawConnection, requestHead } from '../support/raw-connection.ts';
import { until } from '#base/testing.ts';

const MIB = 2 ** 20;
/** More than a million headers, less than what explodes. */
const LAYER_LIMIT = 768 * MIB;
/** Lies outside of every container and must never come to be. */
const ESCAPED = '/tmp/caisson-escaped';

let engine: TestDaemon;
let stored: readonly string[] = [];

before(async () => {
  engine = await TestDaemon.start('--max-layer-bytes', String(LAYER_LIMIT));
  await importBusybox(engine);
  stored = storedFiles();
});

afterEach(async () => {
  assert.ok(!existsSync(ESCAPED), 'nothing has left its root');
  assert.equal(await ok('ps', '-aq'), '');
  // The store deletes after it has answered.
  await until(
    () => isDeepStrictEqual(storedFiles(), stored),
    () => `the store is as before: ${storedFiles().join(' ')}`,
  );
  assert.equal(await ok('run', '--rm', 'bb', 'echo', 'alive'), 'alive');
});

after(() => engine[Symbol.asyncDispose]());

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const load = (input: Buffer | Readable) => docker(engine, ['load', '-q'], { input });
const importRoot = (input: Buffer | Readable) => docker(engine, ['import', '-', 'hostile'], { input });

function storedFiles(): readonly string[] {
  return ['content/blobs/sha256', 'content/ingest', 'layers'].flatMap((directory) =>
    readdirSync(join(engine.root, directory))
      .filter((name) => !name.startsWith('.trash'))
      .map((name) => join(directory, name))
      .toSorted(),
  );
}

function expectRefusal(outcome: Outcome, message: RegExp): void {
  assert.equal(outcome.exitCode, 1, `${outcome.stdout}${outcome.stderr}`);
  assert.match(outcome.stderr, message);
}

/** The kibibytes that the daemon has in memory at most so far. */
function peakMemoryKib(): number {
  const status = readFileSync(`/proc/${engine.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1]);
}

const file = (path: string): TarMember => ({ path, content: 'owned\n' });
const link = (path: string, linkName: string): TarMember => ({ path, type: 'symlink', linkName });
const hardlink = (path: string, linkName: string): TarMember => ({ path, type: 'hardlink', linkName });

/** What each tries, and whether a layer with it may be refused (it may also be made harmless). */
const ESCAPES: Readonly<Record<string, readonly TarMember[]>> = {
  'a name with dots': [file('../../../../../../tmp/caisson-escaped')],
  'a name with dots inside': [file('a/../../../../../../tmp/caisson-escaped')],
  'an absolute name': [file('/tmp/caisson-escaped')],
  'through a symlink': [link('out', '/tmp'), file('out/caisson-escaped')],
  'through a relative symlink': [link('out', '../../../../../../tmp'), file('out/caisson-escaped')],
  'through two symlinks': [link('a', '/'), link('a/tmp/b', '/tmp'), file('b/caisson-escaped')],
  'over a symlink': [link('out', ESCAPED), file('out')],
  'a hard link to the outside': [hardlink('out', '../../../../../../etc/hostname'), file('out')],
  'a hard link through a symlink': [link('etc', '/etc'), hardlink('etc/caisson-escaped', '/etc/hostname')],
  'links in a circle': [link('a', 'b'), link('b', 'a'), file('a/x'), hardlink('c', 'a/x')],
  'a whiteout of the parent': [file('.wh...'), file('.wh..wh..opq/x'), file('x/.wh../y')],
};

for (const [what, members] of Object.entries(ESCAPES)) {
  test(`${what}, in a layer`, async () => {
    const hostname = readFileSync('/etc/hostname', 'utf8');
    const archive = dockerArchive({ reference: 'hostile', layers: [busyboxRootTar(), tarOf(...members)] });
    const outcome = await load(archive);
    if (outcome.exitCode === 0) {
      await docker(engine, ['run', '--rm', 'hostile', 'ls', '-laR', '/tmp', '/etc']);
      await ok('rmi', 'hostile');
    } else {
      assert.match(outcome.stderr, /^(Error response from daemon: )?\S.{10,}\n$/);
    }
    assert.equal(readFileSync('/etc/hostname', 'utf8'), hostname);
  });

  test(`${what}, copied into a container`, async () => {
    const hostname = readFileSync('/etc/hostname', 'utf8');
    await ok('create', '--name', 'target', 'bb', 'true');
    await docker(engine, ['cp', '-', 'target:/'], { input: tarOf(...members) });
    assert.equal(readFileSync('/etc/hostname', 'utf8'), hostname);
    await ok('rm', 'target');
  });
}

test('a link in the container does not lead cp out, in either direction', async () => {
  const script = `ln -s / /all; ln -s /tmp /out; ln -s ../../../../../../etc/shadow /shadow`;
  await ok('run', '--name', 'linked', 'bb', 'sh', '-c', script);
  await docker(engine, ['cp', '-', 'linked:/out'], { input: tarOf(file('caisson-escaped')) });
  await docker(engine, ['cp', '-', 'linked:/all/tmp'], { input: tarOf(file('caisson-escaped')) });
  const shadow = await docker(engine, ['cp', '-L', 'linked:/shadow', '-']);
  assert.equal(shadow.exitCode, 1);
  await ok('rm', 'linked');
});

test('a link through /proc does not lead cp out of a container that sees the host’s processes', async () => {
  const host = `/proc/${process.pid}/root`;
  const script = `ln -s ${host}/tmp /out; ln -s ${host}/etc/shadow /shadow; exec sleep 600`;
  await ok('run', '-d', '--name', 'seeing', '--pid=host', 'bb', 'sh', '-c', script);
  await until(
    async () => (await docker(engine, ['exec', 'seeing', 'test', '-L', '/shadow'])).exitCode === 0,
    'links',
  );
  await docker(engine, ['cp', '-', 'seeing:/'], { input: tarOf(file('out/caisson-escaped')) });
  await docker(engine, ['cp', '-', 'seeing:/out'], { input: tarOf(file('caisson-escaped')) });
  for (const path of ['/shadow', '/out/../etc/shadow', `${host}/etc/shadow`]) {
    const read = await docker(engine, ['cp', '-L', `seeing:${path}`, '-']);
    assert.equal(read.stdout.includes('root:'), false, path);
  }
  // The container itself still has its /proc, and cp its files.
  assert.equal(await ok('exec', 'seeing', 'ls', '-d', '/proc/self/root'), '/proc/self/root');
  assert.match((await docker(engine, ['cp', 'seeing:/etc/passwd', '-'])).stdout, /root:/);
  await ok('rm', '-f', 'seeing');
});

test('a link through a bind of the host’s /proc does not lead cp out, whether the container runs or not', async () => {
  const binds = ['-v', '/proc:/host/proc', '-v', '/:/all'];
  const inside = ['/host/proc', '/all/proc'].map(
    (proc, index) => `ln -s ${proc}/${process.pid}/root/tmp /out${index}`,
  );
  await ok('run', '--name', 'binding', ...binds, 'bb', 'sh', '-c', inside.join('; '));
  for (const out of ['out0', 'out1']) {
    await docker(engine, ['cp', '-', 'binding:/'], { input: tarOf(file(`${out}/caisson-escaped`)) });
    await docker(engine, ['cp', '-', `binding:/${out}`], { input: tarOf(file('caisson-escaped')) });
  }
  // The rest of the bind is there.
  assert.match((await docker(engine, ['cp', 'binding:/all/etc/passwd', '-'])).stdout, /root:/);
  await ok('commit', 'binding', 'linked');
  await ok('rm', 'binding');
  // What is mounted behind such a link is not made there either.
  await ok('create', '--name', 'nested', ...binds, '-v', 'nested:/out0/caisson-escaped', 'linked', 'true');
  assert.match((await docker(engine, ['cp', 'nested:/etc/passwd', '-'])).stdout, /root:/);
  await ok('rm', 'nested');
  await ok('volume', 'rm', 'nested');
  await ok('rmi', 'linked');
});

test('digests that do not match', async () => {
  const layer = busyboxRootTar();
  const wrong = `sha256:${hexDigest(Buffer.from('something else'))}`;
  const lying = dockerArchive({ reference: 'hostile', layers: [layer], diffIds: [wrong] });
  expectRefusal(await load(lying), /digest|diff ?id|does not match|differ/i);
  const many = dockerArchive({ reference: 'hostile', layers: [layer, layer], blobs: [layer] });
  expectRefusal(await load(many), /layer/i);
});

test('archives that lack what they name', async () => {
  const members = dockerArchiveMembers({ reference: 'hostile', layers: [busyboxRootTar()] });
  const without = (path: RegExp) => tarOf(...members.filter((member) => !path.test(member.path)));
  expectRefusal(await load(without(/layer\.tar/)), /layer/);
  expectRefusal(await load(without(/^[0-9a-f]{64}\.json/)), /json|config/i);
  expectRefusal(await load(without(/manifest\.json/)), /manifest|repositories|archive/i);
  expectRefusal(await load(tarOf()), /manifest|repositories|archive/i);
  expectRefusal(await load(Buffer.alloc(0)), /\S/);
  expectRefusal(await load(Buffer.from('this is no archive '.repeat(1000))), /\S/);
});

test('manifests that are no manifests', async () => {
  const bodies = ['', '{', '3', '[{}]', '[{"Config":3,"Layers":"x"}]', `[${'['.repeat(100_000)}`];
  const paths = ['../../../../etc/shadow', '/etc/shadow', 'manifest.json', ''];
  const configs = paths.map((Config) => JSON.stringify([{ Config, RepoTags: ['x:y'], Layers: ['../x'] }]));
  for (const body of [...bodies, ...configs]) {
    const outcome = await load(tarOf({ path: 'manifest.json', content: body }));
    assert.equal(outcome.exitCode, 1, `${body.slice(0, 60)}: ${outcome.stdout}${outcome.stderr}`);
    assert.doesNotMatch(outcome.stderr, /root:/);
  }
  const huge = await load(
    Readable.from([encodeMember({ path: 'manifest.json', content: ' '.repeat(64 * MIB) }), tarOf()]),
  );
  assert.equal(huge.exitCode, 1);
  assert.match(huge.stderr, /large|bytes/i);
});

test('a manifest whose tags are no tags', async () => {
  const members = dockerArchiveMembers({ reference: 'UPPER/../x:..', layers: [busyboxRootTar()] });
  const outcome = await load(tarOf(...members));
  assert.equal(outcome.exitCode, 1, outcome.stdout);
  assert.match(outcome.stderr, /reference|tag/i);
});

test('archives that end early', async () => {
  const archive = dockerArchive({ reference: 'hostile', layers: [busyboxRootTar()] });
  for (const share of [0.1, 0.5, 0.9]) {
    const length = Math.floor(archive.length * share);
    expectRefusal(await load(archive.subarray(0, length)), /unexpected|truncated|ends|EOF|incomplete/i);
  }
  // As in Docker, the stream has begun.
  const cut = await request(
    engine.socket,
    'POST',
    '/images/load',
    Readable.from([archive.subarray(0, 5000)]),
  );
  assert.equal(cut.status, 200);
  assert.match(
    cut.body,
    /^\{"errorDetail":\{"message":"[^"]*unexpected EOF"\},"error":"[^"]*unexpected EOF"\}\r\n$/,
  );
  const compressed = gzipSync(busyboxRootTar());
  expectRefusal(await importRoot(compressed.subarray(0, 200_000)), /unexpected|truncated|ends|EOF|damaged/i);
  const corrupt = Buffer.from(compressed);
  corrupt.fill(0xff, 50_000, 50_100);
  expectRefusal(await importRoot(corrupt), /\S/);
});

test('layers that explode', async () => {
  const header = encodeMember({ path: 'zeros', content: '' });
  header.write((LAYER_LIMIT * 2).toString(8).padStart(11, '0'), 124, 'latin1');
  refreshChecksum(header);
  const zeros = gzipSync(Buffer.alloc(32 * MIB));
  const members = Array.from({ length: (LAYER_LIMIT * 2) / (32 * MIB) }, () => zeros);
  const bomb = Buffer.concat([gzipSync(header), ...members, gzipSync(tarOf())]);
  assert.ok(bomb.length < 4 * MIB);
  expectRefusal(await importRoot(bomb), /larger than|limit|exceeds|more than/i);
  const archive = dockerArchive({ reference: 'hostile', layers: [Buffer.alloc(1024)], blobs: [bomb] });
  expectRefusal(await load(archive), /larger than|limit|exceeds|more than|digest/i);
  assert.ok(peakMemoryKib() < 700 * 1024, `${peakMemoryKib()} KiB`);
});

function refreshChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

test('a million entries are taken or refused, in bounded memory', async () => {
  const outcome = await docker(engine, ['import', '-', 'million'], {
    input: Readable.from(millionEntries()),
    timeoutMs: 280_000,
  });
  assert.ok(outcome.exitCode === 0 || /too many|more than/.test(outcome.stderr), outcome.stderr);
  assert.ok(peakMemoryKib() < 1.5 * 1024 * 1024, `${peakMemoryKib()} KiB`);
  if (outcome.exitCode === 0) await ok('rmi', 'million');
});

/** Empty files in a thousand folders, a thousand each. */
function* millionEntries(): Generator<Buffer> {
  const name = Buffer.from('000/000');
  const header = encodeMember({ path: name.toString(), content: '' });
  for (let folder = 0; folder < 1000; folder++) {
    const headers = Buffer.alloc(1000 * header.length);
    for (let index = 0; index < 1000; index++) {
      header.write(`${String(folder).padStart(3, '0')}/${String(index).padStart(3, '0')}`, 0, 'latin1');
      refreshChecksum(header);
      header.copy(headers, index * header.length);
    }
    yield headers;
  }
  yield tarOf();
}

test('two gibibytes of junk are refused at the first of them, and not taken to the last', async () => {
  const targets = ['/build', '/images/create?fromSrc=-&repo=hostile', '/images/load'];
  for (const target of targets) {
    const { answer, sentBytes } = await sendJunk(`POST ${target}`, 2048 * MIB);
    assert.match(answer, target === '/images/load' ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 400 /, answer);
    assert.match(answer, /invalid tar header/);
    assert.ok(sentBytes < 256 * MIB, `${target} took ${sentBytes} bytes`);
  }
});

/** Sends until the engine closes the connection. */
async function sendJunk(line: string, sizeBytes: number): Promise<{ answer: string; sentBytes: number }> {
  const junk = randomBytes(MIB);
  using connection = new RawConnection(engine.socket);
  connection.send(
    requestHead(line, { 'Content-Type': 'application/x-tar', 'Content-Length': `${sizeBytes}` }),
  );
  let sentBytes = 0;
  while (sentBytes < sizeBytes && !connection.isClosed) {
    connection.send(junk);
    sentBytes += junk.length;
    await connection.sent();
  }
  return { answer: (await connection.takeAll()).toString(), sentBytes };
}
