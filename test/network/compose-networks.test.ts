/** Applications of several networks, by Docker's own compose. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox, runProgram } from '../support/docker.ts';

let engine: TestDaemon;
let directory: string;

before(async () => {
  engine = await TestDaemon.start('--network-pool', '2');
  await importBusybox(engine);
  directory = mkdtempSync('/tmp/caisson-test-compose-');
});

after(async () => {
  rmSync(directory, { recursive: true, force: true });
  await engine?.[Symbol.asyncDispose]();
});

const FILE = `
name: shop
services:
  web:
    image: bb
    command: sh -c 'echo web > /index.html; exec httpd -f -p 80 -h /'
    init: true
    networks: { front: { aliases: [www, shop.example] }, back: { priority: 10 } }
  db:
    image: bb
    command: sleep 600
    init: true
    networks: { back: { ipv4_address: 10.77.0.50 }, shared: {} }
  cut:
    image: bb
    command: sleep 600
    init: true
    networks: [sealed]
networks:
  front:
  back:
    ipam: { config: [{ subnet: 10.77.0.0/24, gateway: 10.77.0.9 }] }
    driver_opts: { com.docker.network.driver.mtu: "1380" }
    labels: { tier: back }
  sealed: { internal: true }
  shared: { external: true, name: outside }
`;

async function compose(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('docker', ['-H', engine.host, 'compose', ...args], { cwd: directory });
  assert.equal(outcome.exitCode, 0, `compose ${args.join(' ')}: ${outcome.stderr}${outcome.stdout}`);
  return outcome.stdout;
}

const inside = (service: string, ...command: readonly string[]) => compose('exec', '-T', service, ...command);

test('an application comes up on its networks, is changed, and goes without a trace', async () => {
  writeFileSync(join(directory, 'compose.yaml'), FILE);
  await dockerOk(engine, ['network', 'create', 'outside']);
  await dockerOk(engine, ['run', '-d', '--name', 'stranger', '--network', 'outside', 'bb', 'sleep', '600']);
  await compose('up', '-d');

  assert.equal(await inside('db', 'wget', '-q', '-O', '-', 'http://web/'), 'web\n');
  assert.match(await inside('web', 'ip', '-o', '-4', 'addr'), /10\.77\.0\.\d+\/24/);
  assert.match(await inside('db', 'ip', '-o', '-4', 'addr'), /10\.77\.0\.50\/24/);
  assert.match(await inside('web', 'nslookup', '-type=a', 'db'), /10\.77\.0\.50/);
  assert.match(await inside('db', 'cat', '/sys/class/net/eth0/mtu', '/sys/class/net/eth1/mtu'), /1380/);
  assert.match(
    await dockerOk(engine, ['exec', 'stranger', 'ping', '-c', '1', '-W', '2', 'db']),
    / 0% packet loss/,
  );
  await assert.rejects(inside('cut', 'ping', '-c', '1', '-W', '1', '10.77.0.50'));
  await assert.rejects(dockerOk(engine, ['exec', 'stranger', 'nslookup', 'web']));

  writeFileSync(join(directory, 'compose.yaml'), FILE.replace('10.77.0.50', '10.77.0.51'));
  await compose('up', '-d');
  assert.match(await inside('web', 'nslookup', '-type=a', 'db'), /10\.77\.0\.51/);
  await compose('restart', '-t', '0', 'web');
  assert.equal(await inside('db', 'wget', '-q', '-O', '-', 'http://web/'), 'web\n');

  await compose('down', '-t', '0');
  await dockerOk(engine, ['rm', '-f', 'stranger']);
  await dockerOk(engine, ['network', 'rm', 'outside']);
  assert.equal(await dockerOk(engine, ['network', 'ls', '--format', '{{.Name}}']), 'bridge\nhost\nnone');
});
