/** What an engine leaves on the host when it is gone for good is taken off by one command. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { mountsBelow } from '../support/leftovers.ts';
import { fromSource } from '../support/own-cli.ts';

function clean(...args: readonly string[]): Promise<Outcome> {
  const [program = '', ...words] = fromSource;
  return runProgram(program, [...words, 'system', 'clean-host', ...args]);
}

const linksNow = (): string => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' });
const tablesNow = (): string => execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' });

test('an engine that was killed leaves nothing after it, and its data stay', async () => {
  await using daemon = await TestDaemon.start('--network-pool', '2');
  await importBusybox(daemon);
  await dockerOk(daemon, ['run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'bb', 'sleep', '1000']);
  await dockerOk(daemon, ['run', '-d', '--name', 'still', 'bb', 'sh', '-c', 'sleep 1000 & sleep 1000']);
  await dockerOk(daemon, ['pause', 'still']);
  const bridge = `br-${(await dockerOk(daemon, ['network', 'create', 'own'])).slice(0, 12)}`;
  assert.ok(linksNow().includes(bridge));
  const tables = tablesNow();

  const held = await clean('--run', daemon.run, '--kill');
  assert.equal(held.exitCode, 1);
  assert.match(held.stderr, /Cannot clean up \S+: an engine has it \(process \d+\); stop that first/);
  await daemon.kill();
  const running = await clean('--run', daemon.run);
  assert.equal(running.exitCode, 1);
  assert.match(running.stderr, /\d processes of containers run on in it; .*--kill/);
  assert.ok(linksNow().includes(daemon.bridge));

  writeFileSync(join(daemon.run, 'of-others'), '');
  const cleaned = await clean('--run', daemon.run, '--kill');
  assert.deepEqual([cleaned.exitCode, cleaned.stderr], [0, '']);
  assert.match(cleaned.stdout, new RegExp(`^removed bridge ${daemon.bridge}$`, 'm'));
  const links = linksNow();
  assert.ok(!links.includes(daemon.bridge) && !links.includes(bridge), links);
  const [, table = ''] = /^removed firewall table (inet \S+)$/m.exec(cleaned.stdout) ?? [];
  assert.ok(tables.includes(table) && !tablesNow().includes(table), table);
  assert.deepEqual(mountsBelow(daemon.run), []);
  assert.deepEqual(readdirSync(daemon.run), ['of-others']);
  const left = await daemon.leftovers({
    running: [],
    known: readdirSync(join(daemon.root, 'containers')),
    publishedPorts: 0,
    poolSize: 0,
  });
  assert.deepEqual(left, []);

  await daemon.start();
  assert.equal(
    await dockerOk(daemon, ['ps', '-a', '--format', '{{.Names}} {{.State}}']),
    'still exited\nweb exited',
  );
  await dockerOk(daemon, ['start', 'web']);
});

test('a directory that was no engine’s is left alone', async () => {
  const directory = mkdtempSync('/tmp/caisson-clean-');
  writeFileSync(join(directory, 'lock'), 'of something else');
  const { exitCode, stderr } = await clean('--run', directory, '--kill');
  assert.notEqual(exitCode, 0);
  assert.match(stderr, /no engine has had it as its run directory/);
  assert.deepEqual(readdirSync(directory), ['lock']);
  rmSync(directory, { recursive: true });
});
