import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';

let engine: TestDaemon;
before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});
after(async () => {
  await engine[Symbol.asyncDispose]();
});

/** File systems of the host whose inodes must not be in a step's hands. */
const HOST = ['/dev', '/dev/pts', '/dev/shm', '/tmp'];

test('a step of a build has three descriptors, none of which is the host’s', async () => {
  // `ls` has one more of its own, the directory.
  const script =
    'stat -L -c "device %d" /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; echo open $(ls /proc/self/fd)';
  const dockerfile = `FROM bb\nUSER 1000\nRUN ${script} >&2\n`;
  const env = { DOCKER_BUILDKIT: '0' };
  const output = await dockerOk(engine, ['build', '--no-cache', '-'], { input: dockerfile, env });
  const devices = [...output.matchAll(/device (\d+)/g)].map(([, device]) => Number(device));
  assert.equal(devices.length, 3, output);
  const host = new Set(HOST.map((path) => statSync(path).dev));
  assert.deepEqual(
    devices.filter((device) => host.has(device)),
    [],
  );
  assert.match(output, /open 0 1 2 3$/m);
});
