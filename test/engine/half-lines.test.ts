/** A daemon that is killed loses no line that a process had begun, and writes none twice. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '#base/testing.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';

const KILLS = 25;
/** Prints lines in three parts, each when there is a file for it. */
const SCRIPT = `i=0
await() { until [ -e /gate/$1 ] || [ -e /gate/stop ]; do usleep 2000; done; }
while [ ! -e /gate/stop ]; do
  printf "first $i "; printf "first $i " >&2; await $i-middle
  printf "middle "; await $i-end
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
const logsOf = async (name: string) => (await docker(engine, ['logs', name])).stdout;

/** What a read has taken in the very moment of a kill is lost with it: the log is to have a part before. */
async function untilLogged(part: string): Promise<void> {
  for (const driver of DRIVERS) {
    await until(async () => (await logsOf(driver)).endsWith(part), `${driver} logs ${JSON.stringify(part)}`);
  }
}

test(`lines that are half written at ${KILLS} kills`, async () => {
  const gate = join(engine.directory, 'gate');
  mkdirSync(gate);
  const flags = ['-d', '--network', 'none', '-v', `${gate}:/gate`];
  for (const driver of DRIVERS) {
    await ok('run', ...flags, '--name', driver, '--log-driver', driver, 'bb', 'sh', '-c', SCRIPT);
  }
  for (let line = 0; line < KILLS; line++) {
    await untilLogged(`first ${line} `);
    if (line % 2 === 0) await engine.crash();
    writeFileSync(join(gate, `${line}-middle`), '');
    await untilLogged(`first ${line} middle `);
    if (line % 2 === 1) await engine.crash();
    writeFileSync(join(gate, `${line}-end`), '');
  }
  await untilLogged(`first ${KILLS} `);
  writeFileSync(join(gate, 'stop'), '');
  await ok('wait', ...DRIVERS);
  for (const driver of DRIVERS) {
    const { stdout, stderr } = await docker(engine, ['logs', driver]);
    const lines = (middle: string) =>
      Array.from({ length: KILLS + 1 }, (_, index) => `first ${index} ${middle}second\n`).join('');
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
