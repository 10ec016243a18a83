/** `engine.containers.run`: what the examples do not show. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { RunOptions } from '#engine/index.ts';
import { BuildEngine } from '../support/build-engine.ts';

const subject = await BuildEngine.forTests();
const { containers } = subject.engine;

async function outputOf(options: Omit<RunOptions, 'image'>): Promise<string> {
  await using container = await containers.run({ image: 'bb', ...options });
  const { exitCode, stdout, stderr } = await container.output();
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function names(): Promise<readonly string[]> {
  const all = await containers.list({ all: true, limit: 0, size: false, filters: new Map() });
  return all.map(({ name }) => name);
}

test('options reach the process', async () => {
  const said = await outputOf({
    command:
      'id -u; pwd; hostname; echo "$A"; cat /bind/file; (echo x >/bind/file) 2>/dev/null || echo read-only; cat /proc/1/comm',
    user: '1234',
    workingDirectory: '/tmp',
    hostname: 'inside',
    environment: { A: 'two words' },
    mounts: { '/bind': { type: 'bind', source: fileIn(), readOnly: true } },
    readOnly: true,
    init: true,
    network: 'none',
  });
  assert.match(said, /^1234\n\/tmp\ninside\ntwo words\nfrom the host\nread-only\n.*(init|tini).*\n$/);
});

test('limits reach the cgroup', async () => {
  await using container = await containers.run({
    image: 'bb',
    command: ['sleep', '1000'],
    memoryBytes: 32 * 2 ** 20,
    cpus: 0.25,
    pids: 17,
  });
  const { spec } = await container.inspect();
  assert.deepEqual(
    [spec.limits.memoryBytes, spec.limits.nanoCpus, spec.limits.pids],
    [32 * 2 ** 20, 250_000_000, 17],
  );
});

test('a text among the ports is read as `-p` reads it, on 127.0.0.1 where it names no address', async () => {
  await using server = await containers.run({
    image: 'bb',
    command: ['sleep', '1000'],
    ports: ['80', '53/udp'],
  });
  const { spec } = await server.inspect();
  assert.deepEqual(spec.network.ports, [
    { port: 80, protocol: 'tcp', hostAddress: '127.0.0.1' },
    { port: 53, protocol: 'udp', hostAddress: '127.0.0.1' },
  ]);
  const wrong = containers.run({ image: 'bb', ports: ['80:x'] });
  await assert.rejects(wrong, { code: 'invalid', message: 'Invalid containerPort: x' });
});

test('a container that joins another one reaches it on 127.0.0.1', async () => {
  await using server = await containers.run({
    image: 'bb',
    command: 'mkdir /w; echo joined >/w/index.html; echo up; exec httpd -f -p 80 -h /w',
  });
  await server.line(/up/);
  const said = await outputOf({ command: 'wget -qO- http://127.0.0.1/', network: { container: server.id } });
  assert.equal(said, 'joined\n');
});

test('what cannot start leaves nothing behind', async () => {
  await assert.rejects(containers.run({ image: 'bb', name: 'broken', command: ['/nowhere'] }), {
    name: 'EngineError',
  });
  await assert.rejects(containers.run({ image: 'bb', name: 'path', mounts: { data: 'x' } }), {
    code: 'invalid',
    reason: 'mount-path-relative',
    subject: 'data',
  });
  await assert.rejects(
    containers.run({ image: 'bb', name: 'late', command: ['true'], signal: AbortSignal.abort() }),
    {
      name: 'AbortError',
    },
  );
  await assert.rejects(containers.run({ image: 'no-such-image', pull: 'never' }), { code: 'not-found' });
  assert.deepEqual(await names(), []);
});

test('waiting for a line ends with the container, and says what it wrote', async () => {
  await using container = await containers.run({ image: 'bb', command: 'echo first; echo last words' });
  await assert.rejects(container.line(/ready/), {
    code: 'conflict',
    reason: 'line-not-written',
    message: /first\nlast words$/,
  });
});

test('a port that is not published has no address; killing and disposing twice are fine', async () => {
  const container = await containers.run({ image: 'bb', command: ['sleep', '1000'] });
  await assert.rejects(container.address(80), {
    code: 'not-found',
    reason: 'port-not-published',
    subject: container.id,
  });
  await container.kill();
  assert.equal(await container.exited, 137);
  await container[Symbol.asyncDispose]();
  await container[Symbol.asyncDispose]();
  assert.deepEqual(await names(), []);
});

function fileIn(): string {
  const directory = mkdtempSync(`${subject.directory}/bind-`);
  chmodSync(directory, 0o755);
  writeFileSync(`${directory}/file`, 'from the host\n');
  return directory;
}
