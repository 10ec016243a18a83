/** Engines on one host do not disturb each other: ours among themselves, and with Docker. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { mountsBelow } from '../support/leftovers.ts';
import type { Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';

/** A network of its own, since dockerd changes the firewall of the whole host. */
const name = `cst-${process.pid}`;
const netns = `/run/netns/${name}`;
const inside = (...command: readonly string[]): Promise<Outcome> =>
  runProgram('nsenter', [`--net=${netns}`, ...command]);

before(async () => {
  spawnSync('ip', ['netns', 'add', name]);
  await inside('sh', '-ec', 'ip link set lo up; ip link add up0 type bridge; ip link set up0 up');
  await inside('sh', '-ec', 'ip address add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1');
});

after(() => {
  spawnSync('ip', ['netns', 'delete', name]);
});

async function startOurs(): Promise<TestDaemon> {
  const daemon = new TestDaemon({ netns, flags: ['--network-pool', '1'] });
  await daemon.start();
  await importBusybox(daemon);
  return daemon;
}

const SERVE = 'echo $(hostname) > /www/index.html; exec httpd -f -p 80 -h /www';

/** A web server that answers with its name, published on `port`. */
async function serve(engine: Subject, hostname: string, port: number): Promise<void> {
  const flags = ['-d', '--name', hostname, '-h', hostname, '-p', `${port}:80`];
  await dockerOk(engine, ['run', ...flags, 'bb', 'sh', '-c', SERVE]);
}

/** What the host gets from one of its ports once something listens there. */
async function fetchPort(port: number): Promise<string> {
  const wget = ['busybox', 'wget', '-T', '10', '-q', '-O', '-', `http://127.0.0.1:${port}/`];
  let outcome = await inside(...wget);
  await until(
    async () => outcome.exitCode === 0 || (outcome = await inside(...wget)).exitCode === 0,
    () => `an answer from port ${port}: ${outcome.stderr}`,
  );
  return outcome.stdout;
}

const addressOf = (engine: Subject, container: string) =>
  dockerOk(engine, ['inspect', '-f', '{{.NetworkSettings.IPAddress}}', container]);

const subnetOf = (engine: Subject) =>
  dockerOk(engine, ['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'bridge']);

/** Whether a container can reach an address on port 80. */
async function reaches(engine: Subject, container: string, address: string): Promise<boolean> {
  const probe = ['exec', container, 'wget', '-T', '1', '-q', '-O', '-', `http://${address}/`];
  const outcome = await runProgram('docker', ['-H', engine.host, ...probe]);
  return outcome.exitCode === 0;
}

test('two engines: their own subnets, ports, names and containers', async () => {
  await using first = await startOurs();
  await using second = await startOurs();
  assert.notEqual(await subnetOf(first), await subnetOf(second));
  await serve(first, 'one', 8001);
  await serve(second, 'two', 8002);
  await serve(second, 'three', 8003);
  const pages = [await fetchPort(8001), await fetchPort(8002), await fetchPort(8003)];
  assert.deepEqual(pages, ['one\n', 'two\n', 'three\n']);
  assert.equal(await dockerOk(first, ['ps', '--format', '{{.Names}}']), 'one');
  assert.equal(await dockerOk(second, ['exec', 'two', 'wget', '-q', '-O', '-', 'http://three/']), 'three');
  const foreign = await runProgram('docker', [
    '-H',
    first.host,
    'exec',
    'one',
    'timeout',
    '2',
    'nslookup',
    'two',
  ]);
  assert.notEqual(foreign.exitCode, 0, 'names of one engine mean nothing in another');
  assert.ok(!(await reaches(first, 'one', await addressOf(second, 'two'))), 'networks are apart');
  assert.equal(
    await dockerOk(first, ['exec', 'one', 'wget', '-q', '-O', '-', 'http://192.0.2.2:8002/']),
    'two',
  );
  const taken = await runProgram('docker', ['-H', first.host, 'run', '--rm', '-p', '8002:80', 'bb', 'true']);
  assert.match(taken.stderr, /port is already allocated|address already in use/);
});

test('what happens to one engine does not touch another', async () => {
  await using first = await startOurs();
  await using second = await startOurs();
  await serve(first, 'one', 8001);
  await serve(second, 'two', 8002);
  for (const disturb of [
    () => first.crash(),
    () => first.stop().then(() => first.start()),
    () => dockerOk(first, ['rm', '-f', 'one']),
    () => first.stop(),
  ]) {
    await disturb();
    assert.equal(await fetchPort(8002), 'two\n');
    assert.equal(await dockerOk(second, ['exec', 'two', 'hostname']), 'two');
  }
  await first.start();
  await dockerOk(second, ['run', '--rm', 'bb', 'true']);
});

test('engines that start at the same time choose different subnets', async () => {
  await using stack = new AsyncDisposableStack();
  const daemons = Array.from({ length: 3 }, () => stack.use(new TestDaemon({ netns })));
  await Promise.all(daemons.map((daemon) => daemon.start()));
  const subnets = await Promise.all(daemons.map(subnetOf));
  assert.equal(new Set(subnets).size, daemons.length, subnets.join(' '));
});

test('a second daemon on the same root is refused', async () => {
  await using daemon = await startOurs();
  const outcome = await runProgram(caissond, [
    '--root',
    daemon.root,
    '--run',
    `${daemon.run}2`,
    '--host',
    `${daemon.host}2`,
  ]);
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.stderr, new RegExp(`in use by process ${daemon.pid}`));
  assert.equal(await dockerOk(daemon, ['run', '--rm', 'bb', 'echo', 'fine']), 'fine');
});

const caissond = join(import.meta.dirname, '../../bin/caissond');

/** What a daemon that is to be refused says; of its own it has a root and a socket. */
async function refusalOf(directory: string, run: string): Promise<string> {
  const places = ['--root', join(directory, 'other'), '--run', run, '--pidfile', join(directory, 'pid')];
  const outcome = await inside(caissond, ...places, '--host', `unix://${join(directory, 'other.sock')}`);
  assert.equal(outcome.exitCode, 1);
  return outcome.stderr;
}

test('a second daemon on the same run directory is refused before it touches anything', async () => {
  await using daemon = await startOurs();
  await serve(daemon, 'one', 8001);
  const before = mountsBelow(daemon.run);
  writeFileSync(join(daemon.directory, 'pid'), 'of the first\n');
  for (const run of [daemon.run, `${daemon.root}/../run/.`]) {
    const refusal = await refusalOf(daemon.directory, run);
    assert.match(refusal, new RegExp(`process ${daemon.pid}, whose root is ${daemon.root};.*with --run`));
  }
  assert.equal(readFileSync(join(daemon.directory, 'pid'), 'utf8'), 'of the first\n');
  assert.deepEqual(mountsBelow(daemon.run), before, 'mounts are as they were');
  assert.equal(await fetchPort(8001), 'one\n');
  assert.equal(await dockerOk(daemon, ['exec', 'one', 'hostname']), 'one');
  await dockerOk(daemon, ['run', '--rm', 'bb', 'true']);
});

test('a run directory stays with the root whose containers run on in it, also while no daemon runs', async () => {
  await using daemon = await startOurs();
  await serve(daemon, 'one', 8001);
  for (const end of [() => daemon.stop(), () => daemon.kill()]) {
    await end();
    const refusal = await refusalOf(daemon.directory, daemon.run);
    assert.match(refusal, new RegExp(`containers of the engine on root ${daemon.root} run on in it`));
    await daemon.start();
    assert.equal(await dockerOk(daemon, ['exec', 'one', 'hostname']), 'one');
  }
  await dockerOk(daemon, ['rm', '-f', 'one']);
  await daemon.stop();
  await using other = new TestDaemon({ netns, directory: mkdtempSync('/tmp/caisson-test-') });
  rmSync(join(other.directory, 'run'), { recursive: true, force: true });
  symlinkSync(daemon.run, join(other.directory, 'run'));
  await other.start();
  await other.stop();
});

/** Starts two daemons that are told their roots only, with a /run of their own, and prints what the second one says. */
const TWO_BY_DEFAULT = `
  mount -t tmpfs tmpfs /run
  "$1" --root "$2/first" --host "unix://$2/first.sock" --network-pool 0 > "$2/log" 2>&1 &
  until grep -q 'the engine is ready' "$2/log"; do kill -0 $! || exit 9; sleep 0.1; done
  "$1" --root "$2/second" --host "unix://$2/second.sock" --network-pool 0 2>&1
  echo "exit code $?"
  kill $!
  wait $!
  echo "the first: $?"`;

test('the standard run directory is one, whatever the roots are', async () => {
  const directory = mkdtempSync('/tmp/caisson-test-');
  const shell = ['sh', '-c', TWO_BY_DEFAULT, 'sh', caissond, directory];
  const { stdout } = await inside('unshare', '--mount', '--propagation', 'private', ...shell);
  rmSync(directory, { recursive: true, force: true });
  assert.match(stdout, new RegExp(`run directory /run/caisson: .* whose root is ${directory}/first;`));
  assert.match(stdout, /^exit code 1$/m);
  assert.match(stdout, /^the first: 0$/m);
});

const hasDocker = existsSync('/usr/sbin/dockerd');

test('Docker beside us: both work, before and after the other starts and stops', {
  skip: !hasDocker && 'dockerd is not installed',
}, async () => {
  await using ours = await startOurs();
  await serve(ours, 'ours', 8001);
  {
    await using theirs = await startDocker();
    await importBusybox(theirs);
    await serve(theirs, 'theirs', 8002);
    assert.deepEqual([await fetchPort(8001), await fetchPort(8002)], ['ours\n', 'theirs\n']);
    assert.notEqual(await subnetOf(ours), await subnetOf(theirs));
    await ours.stop();
    await ours.start();
    await serve(ours, 'later', 8003);
    assert.deepEqual([await fetchPort(8002), await fetchPort(8003)], ['theirs\n', 'later\n']);
    const outward = ['exec', 'later', 'wget', '-T', '60', '-q', '-O', '-', 'http://192.0.2.2:8002/'];
    assert.equal(await dockerOk(ours, outward), 'theirs');
    await dockerOk(theirs, ['rm', '-f', 'theirs']);
  }
  assert.deepEqual([await fetchPort(8001), await fetchPort(8003)], ['ours\n', 'later\n']);
});

/** dockerd in the network of this test, with everything else of its own. */
async function startDocker(): Promise<Subject> {
  const directory = mkdtempSync('/tmp/caisson-test-dockerd-');
  const socket = join(directory, 'docker.sock');
  const log = openSync(join(directory, 'log'), 'w');
  const places = ['--data-root', join(directory, 'root'), '--exec-root', join(directory, 'run')];
  const flags = [...places, '--pidfile', join(directory, 'pid'), '-H', `unix://${socket}`];
  // A mount namespace too: it mounts its network namespaces below /run/docker.
  const command = [`--net=${netns}`, 'unshare', '--mount', '--propagation', 'private', 'dockerd', ...flags];
  const child = spawn('nsenter', command, { stdio: ['ignore', log, log] });
  const exited = once(child, 'exit');
  await until(async () => {
    assert.equal(child.exitCode, null, 'dockerd runs');
    return (await runProgram('docker', ['-H', `unix://${socket}`, 'version'])).exitCode === 0;
  }, 'dockerd answers');
  return {
    host: `unix://${socket}`,
    socket,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
      for (const { target } of mountsBelow(directory).toReversed()) spawnSync('umount', ['-l', target]);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
