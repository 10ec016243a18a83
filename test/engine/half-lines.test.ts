/** A daemon that is killed loses no line that a process had begun, and writes none twice. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';

const KILLS = 25;
/** Prints the beginnings of lines, long before their ends. */
const SCRIPT = `i=0
while [ ! -e /stop ]; do
  printf "first $i "; printf "first $i " >&2; usleep 40000
  printf "middle "; usleep 20000
  echo second; echo second >&2
  i=$((i + 1))
done`;

let engine: TestDaemon;
const ok = (...args: readonly string[]) => dockerOk(engine, args);

before(async () => {
  engine = await TestDaemon.start('--network-pool', '0');
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const DRIVERS = ['local', 'json-file'];
const lastLine = async (name: string) =>
  (await request(engine.socket, 'GET', `/containers/${name}/logs?stdout=1&tail=1`)).body;

test(`lines that are half written at ${KILLS} kills`, async () => {
  for (const driver of DRIVERS)
    await ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      driver,
      '--log-driver',
      driver,
      'bb',
      'sh',
      '-c',
      SCRIPT,
    );
  for (let kill = 0; kill < KILLS; kill++) {
    // It reads again; what a read has taken in the very moment of the kill is lost with it.
    for (const driver of DRIVERS) {
      const before = await lastLine(driver);
      await until(async () => (await lastLine(driver)) !== before, `${driver} goes on`);
    }
    // Anywhere in a line.
    await sleep(kill * 3);
    await engine.crash();
  }
  for (const driver of DRIVERS) await ok('exec', driver, 'touch', '/stop');
  await ok('wait', ...DRIVERS);
  for (const driver of DRIVERS) {
    const { stdout, stderr } = await docker(engine, ['logs', driver]);
    const count = stderr.split('\n').length - 1;
    assert.ok(count > KILLS, `${count} lines`);
    const lines = (middle: string) =>
      Array.from({ length: count }, (_, index) => `first ${index} ${middle}second\n`).join('');
    assert.equal(stderr, lines(''), driver);
    assert.equal(stdout, lines('middle '), driver);
  }
  await ok('rm', ...DRIVERS);
});

test('what a container writes into /etc/hosts is on the disk of the data, and counts to its size', async () => {
  await ok('run', '-d', '--name', 'box', 'bb', 'sleep', '1000');
  const size = () => ok('ps', '-s', '--format', '{{.Size}}').then((text) => text.split(' ')[0]);
  assert.equal(await size(), '0B');
  for (const [name, field] of [
    ['hosts', 'HostsPath'],
    ['hostname', 'HostnamePath'],
    ['resolv.conf', 'ResolvConfPath'],
  ] as const) {
    const path = await ok('inspect', '-f', `{{.${field}}}`, 'box');
    assert.ok(path.startsWith(`${engine.root}/containers/`), path);
    await ok('exec', 'box', 'sh', '-c', `head -c 1000000 /dev/zero >> /etc/${name}`);
    assert.ok(statSync(path).size > 1_000_000);
  }
  assert.equal(await size(), '3MB');
  // They are written anew.
  await ok('restart', '-t', '0', 'box');
  await until(async () => (await size()) === '0B', 'it has its size from before');
  await ok('exec', 'box', 'grep', '-q', 'localhost', '/etc/hosts');
  await engine.crash();
  assert.equal(await ok('exec', 'box', 'cat', '/etc/hostname').then((text) => text.length), 12);
  await ok('rm', '-f', 'box');
});
