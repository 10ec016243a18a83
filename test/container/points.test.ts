/** Where containers work and mount: what is not there is made, when Docker makes it, and wherever links lead. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf } from '../fixtures/tar.ts';
import { docker, dockerOk } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
const ok = (...args: readonly string[]) => dockerOk(engine, args);
const create = (name: string, ...args: readonly string[]) =>
  ok('create', '--network', 'none', '--name', name, ...args);
const run = (...args: readonly string[]) => ok('run', '--rm', '--network', 'none', ...args);
const added = async (name: string) => (await ok('diff', name)).split('\n').toSorted();

before(async () => {
  engine = await startSubject();
  const link = tarOf({ path: 'dangling', type: 'symlink', linkName: '/made/here' });
  const input = Buffer.concat([busyboxRootTar().subarray(0, -1024), link]);
  await dockerOk(engine, ['import', '-', 'bb'], { input });
});

after(() => engine[Symbol.asyncDispose]());

test('a working directory is there once the container is created, also behind a link to nothing', async () => {
  await create('fresh', '-w', '/fresh/in', 'bb', 'touch', 'worked');
  assert.deepEqual(await added('fresh'), ['A /fresh', 'A /fresh/in']);
  await dockerOk(engine, ['cp', '-', 'fresh:/fresh/in'], { input: tarOf({ path: 'early', content: 'x' }) });
  await ok('start', '-a', 'fresh');
  assert.deepEqual(await added('fresh'), [
    'A /fresh',
    'A /fresh/in',
    'A /fresh/in/early',
    'A /fresh/in/worked',
  ]);
  await create('linked', '-w', '/dangling', 'bb', 'touch', 'worked');
  assert.deepEqual(await added('linked'), ['A /made', 'A /made/here']);
  await ok('start', '-a', 'linked');
  assert.deepEqual(await added('linked'), ['A /made', 'A /made/here', 'A /made/here/worked']);
  await ok('rm', 'fresh', 'linked');
});

test('a working directory that is a file is refused, and no container stays', async () => {
  const { exitCode, stderr } = await docker(engine, ['create', '-w', '/bin/busybox', 'bb', 'true']);
  assert.equal(exitCode, 1);
  assert.match(stderr, /Cannot mkdir: \/bin\/busybox is not a directory/);
  assert.equal(await ok('ps', '-aq'), '');
});

test('mounts behind a link to nothing land where it leads', async () => {
  const mounts = {
    'a directory': ['-v', '/etc:/dangling'],
    'a file': ['-v', '/etc/passwd:/dangling/file'],
    'a tmpfs': ['--tmpfs', '/dangling/in'],
  };
  for (const [what, mount] of Object.entries(mounts)) {
    const listed = await run(...mount, 'bb', 'cat', '/proc/self/mountinfo');
    assert.match(listed, / \/made\/here/, what);
  }
});

test('/dev/shm that is shared is as restricted as one of its own', async () => {
  for (const mode of ['private', 'shareable']) {
    const mounts = await run('--ipc', mode, 'bb', 'grep', '/dev/shm', '/proc/mounts');
    assert.match(mounts, /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k/);
  }
});

test('a tmpfs is as shared as asked for; what is no option is refused in Docker’s words', async () => {
  const mounts = await run('--tmpfs', '/t:shared', '--tmpfs', '/own', 'bb', 'cat', '/proc/self/mountinfo');
  assert.match(mounts, / \/t rw,nosuid,nodev,noexec,relatime shared:/);
  assert.match(mounts, / \/own rw,nosuid,nodev,noexec,relatime - /);
  const { stderr } = await docker(engine, ['create', '--tmpfs', '/t:bogus', 'bb', 'true']);
  assert.match(stderr, /invalid tmpfs option "bogus"/);
});
