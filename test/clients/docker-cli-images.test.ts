/** Debian's docker command line against the engine: images. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { docker, dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
const scratch = mkdtempSync('/tmp/caisson-cli-');

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const run = (...args: readonly string[]) => docker(engine, args);

test('import with changes and a message', async () => {
  const changes = [
    '-c',
    'CMD ["echo", "from the image"]',
    '-c',
    'ENV A=b',
    '-c',
    'WORKDIR /tmp',
    '-c',
    'LABEL k=v',
  ];
  const id = await dockerOk(engine, ['import', '-m', 'my message', ...changes, '-', 'custom:1'], {
    input: busyboxRootTar(),
  });
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await ok('run', '--rm', 'custom:1'), 'from the image');
  assert.equal(await ok('run', '--rm', 'custom:1', 'sh', '-c', 'echo $A; pwd'), 'b\n/tmp');
  const [image] = JSON.parse(await ok('image', 'inspect', 'custom:1'));
  assert.equal(image.Id, id);
  assert.deepEqual(image.RepoTags, ['custom:1']);
  assert.equal(image.Config.Labels.k, 'v');
  assert.equal(image.RootFS.Layers.length, 1);
  assert.match(await ok('history', 'custom:1'), /my message/);
  await ok('rmi', 'custom:1');
});

test('import of a URL: what its server has, compressed or not, and what it says where it has nothing', async () => {
  const compressed = spawnSync('xz', { input: busyboxRootTar(), maxBuffer: 1 << 26 }).stdout;
  const server = createServer((request, response) => {
    if (request.url === '/root.tar.xz') response.end(compressed);
    else response.writeHead(404).end('none\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    const url = `http://127.0.0.1:${address.port}/root.tar.xz`;
    assert.match(
      await ok('import', url, 'fetched:1'),
      /^Downloading from http.*\n(.*\n)*sha256:[0-9a-f]{64}$/,
    );
    assert.equal(await ok('run', '--rm', '--network', 'none', 'fetched:1', 'echo', 'runs'), 'runs');
    assert.match(await ok('history', 'fetched:1'), new RegExp(`Imported from ${url}`));
    await ok('rmi', 'fetched:1');
    const missing = await run('import', `${url}.not`, 'fetched:2');
    assert.equal(missing.exitCode, 1);
    assert.match(missing.stderr, /404/);
    assert.equal((await run('import', 'ftp://127.0.0.1/x', 'fetched:3')).exitCode, 1);
  } finally {
    server.close();
  }
});

test('images: columns, filters, digests, quiet', async () => {
  assert.match(
    await ok('images'),
    /^REPOSITORY\s+TAG\s+IMAGE ID\s+CREATED\s+SIZE\nbb\s+latest\s+[0-9a-f]{12}\s+.* ago\s+\d.*MB$/,
  );
  assert.match(await ok('images', '-q', '--no-trunc'), /^sha256:[0-9a-f]{64}$/);
  assert.equal(await ok('images', '-q', 'nosuch'), '');
  assert.equal(
    await ok('images', '--filter', 'reference=b*', '--format', '{{.Repository}}:{{.Tag}}'),
    'bb:latest',
  );
  assert.equal(await ok('images', '-q', '--filter', 'dangling=true'), '');
});

test('tag and rmi: untag, delete, in use, force, several names', async () => {
  await dockerOk(engine, ['import', '-c', 'LABEL only=mine', '-', 'mine:1'], { input: busyboxRootTar() });
  const id = await ok('images', '-q', '--no-trunc', 'mine:1');
  await ok('tag', 'mine:1', 'registry.example:5000/team/mine:v1.9');
  assert.equal(await ok('images', '-q', '--no-trunc', 'registry.example:5000/team/mine'), id);
  assert.equal(await ok('rmi', 'mine:1'), 'Untagged: mine:1');
  const container = await ok('create', 'registry.example:5000/team/mine:v1.9', 'true');
  const refused = await run('rmi', 'registry.example:5000/team/mine:v1.9');
  assert.equal(refused.exitCode, 1);
  const short = id.replace('sha256:', '').slice(0, 12);
  assert.match(
    refused.stderr,
    new RegExp(
      `conflict: unable to remove repository reference "registry.example:5000/team/mine:v1.9" \\(must force\\) - container ${container.slice(0, 12)} is using its referenced image ${short}`,
    ),
  );
  await ok('rm', container);
  const deleted = await ok('rmi', 'registry.example:5000/team/mine:v1.9');
  assert.match(deleted, new RegExp(`^Untagged: registry.example:5000/team/mine:v1.9\nDeleted: ${id}`));
  assert.match((await run('rmi', 'nosuch')).stderr, /No such image: nosuch:latest/);
  assert.match(
    (await run('tag', 'bb', 'UPPER')).stderr,
    /repository name \(library\/UPPER\) must be lowercase/,
  );
});

test('save and load keep identity, several images in one archive', async () => {
  await ok('tag', 'bb', 'second:tag');
  const id = await ok('images', '-q', '--no-trunc', 'second');
  const archive = join(scratch, 'saved.tar');
  await ok('save', '-o', archive, 'bb:latest', 'second:tag');
  assert.ok(statSync(archive).size > 500_000);
  await ok('rmi', 'second:tag', 'bb:latest');
  assert.equal(await ok('images', '-q'), '');
  const loaded = await ok('load', '-i', archive);
  assert.deepEqual(loaded.split('\n').toSorted(), ['Loaded image: bb:latest', 'Loaded image: second:tag']);
  assert.equal(await ok('images', '-q', '--no-trunc', 'bb'), id);
  assert.equal(await ok('run', '--rm', 'second:tag', 'echo', 'works'), 'works');
  await ok('rmi', 'second:tag');
});

test('save to a pipe, load from a compressed pipe', async () => {
  const pipe = `docker -H ${engine.host} save bb | gzip -1 | docker -H ${engine.host} load`;
  const outcome = await runProgram('sh', ['-c', pipe]);
  assert.equal(outcome.stdout, 'Loaded image: bb:latest\n');
});

test('a broken archive is refused and changes nothing', async () => {
  const before = await ok('images', '-a', '-q');
  const outcome = await docker(engine, ['load'], { input: Buffer.alloc(10_240, 7) });
  assert.equal(outcome.exitCode, 1);
  assert.notEqual(outcome.stderr, '');
  assert.equal(await ok('images', '-a', '-q'), before);
});

test('containers are found by what their image was made from', async () => {
  await ok('create', '--name', 'of-base', 'bb', 'true');
  await ok('commit', 'of-base', 'child:1');
  await ok('create', '--name', 'of-child', 'child:1', 'true');
  await ok('commit', 'of-child', 'child:2');
  await ok('create', '--name', 'of-grandchild', 'child:2', 'true');
  const names = async (ancestor: string) =>
    (await ok('ps', '-a', '--filter', `ancestor=${ancestor}`, '--format', '{{.Names}}'))
      .split('\n')
      .toSorted();
  assert.deepEqual(await names('bb'), ['of-base', 'of-child', 'of-grandchild']);
  assert.deepEqual(await names('child:1'), ['of-child', 'of-grandchild']);
  assert.deepEqual(await names('child:2'), ['of-grandchild']);
  await ok('rm', 'of-base', 'of-child', 'of-grandchild');
  await ok('rmi', 'child:2', 'child:1');
});

test('image prune takes only dangling images', async () => {
  await dockerOk(engine, ['import', '-'], { input: busyboxRootTar() });
  assert.notEqual(await ok('images', '-q', '--filter', 'dangling=true'), '');
  assert.match(await ok('image', 'prune', '-f'), /Total reclaimed space: /);
  assert.equal(await ok('images', '-q', '--filter', 'dangling=true'), '');
  assert.equal(await ok('images', '--format', '{{.Repository}}'), 'bb');
});
