/**
 * Testcontainers, unchanged, as tests of other projects use it. Its own helper images cannot be pulled here: Ryuk,
 * which
 * removes what a test run forgot, is switched off.
 */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { chmodSync, mkdtempDisposableSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { importBusybox } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import type * as Testcontainers from 'testcontainers';

/** A directory for its lock files, which it leaves. */
const temporary = mkdtempDisposableSync(join(tmpdir(), 'caisson-testcontainers-'));
let engine: Subject;
let testcontainers: typeof Testcontainers;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  // It looks for its engine once, when it is first used.
  process.env['DOCKER_HOST'] = engine.host;
  process.env['TMPDIR'] = temporary.path;
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  testcontainers = await import('testcontainers');
});

after(async () => {
  temporary.remove();
  await engine[Symbol.asyncDispose]();
});

/** A server that goes to the background once it listens. */
const SERVER = ['sh', '-c', 'httpd -p 80 -h /www && echo listening && exec sleep 1000'];

test('ports, a wait for the log, exec, files in and out, logs, stop', async () => {
  const { GenericContainer, Wait } = testcontainers;
  const container = await new GenericContainer('bb:latest')
    .withCommand(SERVER)
    .withExposedPorts(80)
    .withEnvironment({ GREETING: 'hi' })
    .withLabels({ kind: 'test' })
    .withCopyContentToContainer([{ content: 'a page', target: '/www/index.html' }])
    .withWaitStrategy(Wait.forLogMessage('listening'))
    .start();
  const page = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/index.html`);
  assert.equal(await page.text(), 'a page');
  const { output, exitCode } = await container.exec(['sh', '-c', 'echo $GREETING; exit 3']);
  assert.deepEqual([output, exitCode], ['hi\n', 3]);
  await container.copyContentToContainer([{ content: 'later', target: '/www/later' }]);
  const archive = await text(await container.copyArchiveFromContainer('/www/later'));
  assert.match(archive, /later/);
  for await (const line of await container.logs()) {
    assert.match(String(line), /listening/);
    break;
  }
  assert.equal(container.getLabels()['kind'], 'test');
  await container.restart();
  assert.equal((await container.exec(['cat', '/www/later'])).output, 'later');
  await container.stop();
  await assert.rejects(container.exec(['true']), /No such container/);
});

test('waits for HTTP, for a port, for health, and for a command to end', async () => {
  const { GenericContainer, Wait } = testcontainers;
  const http = await new GenericContainer('bb:latest')
    .withCommand(SERVER)
    .withCopyContentToContainer([{ content: 'ready', target: '/www/health' }])
    .withExposedPorts(80)
    .withWaitStrategy(Wait.forHttp('/health', 80).forStatusCode(200))
    .start();
  await http.stop();
  const port = await new GenericContainer('bb:latest')
    .withCommand(SERVER)
    .withExposedPorts(80)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  await port.stop();
  const brief = await new GenericContainer('bb:latest')
    .withCommand(['sh', '-c', 'exit 0'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  await brief.stop();
});

test('a container that does not get ready fails its start, and is gone', async () => {
  const { GenericContainer, Wait } = testcontainers;
  const starting = new GenericContainer('bb:latest')
    .withCommand(['sleep', '1000'])
    .withLabels({ kind: 'late' })
    .withWaitStrategy(Wait.forLogMessage('never said').withStartupTimeout(300))
    .start();
  await assert.rejects(starting, /not received after 300ms/);
  const client = await testcontainers.getContainerRuntimeClient();
  assert.deepEqual(await client.container.list(), []);
});

test('an image built from a Dockerfile', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-testcontainers-'));
  try {
    writeFileSync(join(directory, 'Dockerfile'), 'FROM bb\nARG WHO\nRUN echo $WHO >/who\n');
    const image = await testcontainers.GenericContainer.fromDockerfile(directory)
      .withBuildArgs({ WHO: 'me' })
      .build('test/who:1', { deleteOnExit: false });
    const container = await image.withCommand(['sleep', '1000']).start();
    assert.equal((await container.exec(['cat', '/who'])).output, 'me\n');
    await container.stop();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('bind mounts, tmpfs, a user, a directory, limits', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-testcontainers-'));
  try {
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, 'file'), 'from the host\n');
    const container = await new testcontainers.GenericContainer('bb:latest')
      .withCommand(['sleep', '1000'])
      .withBindMounts([{ source: directory, target: '/mnt/host', mode: 'ro' }])
      .withTmpFs({ '/scratch': 'rw,size=1m' })
      .withUser('user')
      .withWorkingDir('/tmp')
      .withResourcesQuota({ memory: 0.125, cpu: 1 })
      .start();
    const { output } = await container.exec([
      'sh',
      '-c',
      'id -un; pwd; cat /mnt/host/file; mount | grep -c /scratch',
    ]);
    assert.equal(output, 'user\n/tmp\nfrom the host\n1\n');
    await container.stop();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
