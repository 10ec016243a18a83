/** The engine inside a container of the engine, by the Dockerfile that the examples have, and beside a mounted socket. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '#base/testing.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { fetchPage } from '../support/http.ts';

const project = join(import.meta.dirname, '../..');

/** What the packages of the Dockerfile's first stage bring, as this machine has them. */
const PACKAGED = ['/usr/bin/crun', '/usr/bin/tini', '/usr/bin/docker', '/usr/share/containers/seccomp.json'];
const COMMANDS = 'cat find ln ls mkdir readlink rm sed sh sleep wget'.split(' ');

let daemon: TestDaemon;
let tree: string;

before(async () => {
  tree = mkdtempSync('/tmp/caisson-test-tree-');
  writeSystemTree(tree);
  daemon = await TestDaemon.start();
  await importBusybox(daemon);
  const file = join(project, 'examples/engine-in-container/Dockerfile');
  const build = ['buildx', 'build', '-q', '-t', 'engine', '-f', file, '--build-context', `system=${tree}`];
  await dockerOk(daemon, [...build, project]);
});

after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(tree, { recursive: true });
});

/** A small system with what the engine needs. */
function writeSystemTree(root: string): void {
  chmodSync(root, 0o755);
  for (const directory of ['usr/local/bin', 'tmp', 'run', 'var/lib', 'root']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  for (const link of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', link), { recursive: true });
    symlinkSync(`usr/${link}`, join(root, link));
  }
  const libraries = librariesOf([
    '/usr/bin/crun',
    process.execPath,
    join(project, 'build/caisson'),
    nftables(),
  ]);
  for (const path of [...PACKAGED, nftables(), ...libraries]) copy(path, root);
  copyFileSync('/usr/bin/busybox', join(root, 'bin/busybox'));
  for (const command of COMMANDS) symlinkSync('busybox', join(root, 'bin', command));
}

function copy(path: string, root: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  copyFileSync(path, join(root, path));
}

/** Every file that the dynamic linker opens for these programs, and the linker. */
function librariesOf(files: readonly string[]): readonly string[] {
  const { stdout } = spawnSync('ldd', files, { encoding: 'utf8' });
  return [...new Set(stdout.match(/(?<=^\s+(?:\S+ => )?)\/\S+(?= \()/gm))];
}

function nftables(): string {
  const { stdout } = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' });
  return /libnftables\.so\.1.* (\/.*)$/m.exec(stdout)?.[1] ?? '';
}

/** What a line of the shell prints in the container `outer`. */
const inside = (line: string) => dockerOk(daemon, ['exec', 'outer', 'sh', '-c', line]);

async function answers(container: string): Promise<void> {
  await until(
    async () => (await docker(daemon, ['exec', container, 'caisson', 'ps'])).exitCode === 0,
    `an answer of the engine in ${container}`,
  );
}

/** Copies the image `bb` of the outer engine into a container, as `/bb.tar`. */
async function copyImage(container: string): Promise<void> {
  const archive = join(daemon.directory, 'bb.tar');
  await dockerOk(daemon, ['save', '-o', archive, 'bb']);
  await dockerOk(daemon, ['cp', archive, `${container}:/bb.tar`]);
}

/** A web server that ends with 7 when it is told to. */
const SERVE =
  'trap "exit 7" TERM; echo deep >/www/index.html; httpd -p 80 -h /www; while :; do sleep 1 & wait; done';
const ASK = 'until wget -T 5 -q -O - http://web/; do sleep 0.1; done';
const BUILD = 'printf "FROM bb\\nRUN echo built >/made\\n" | caisson build -q -t made -';

test('containers, networks, builds and volumes work inside a container', async () => {
  const flags = ['--host', 'tcp://127.0.0.1:2375'];
  await dockerOk(daemon, ['run', '-d', '--name', 'outer', '--privileged', 'engine', ...flags]);
  await answers('outer');
  await copyImage('outer');
  await inside('caisson load -q -i /bb.tar && caisson network create front');
  await inside(`caisson run -d --name web --network front -p 8080:80 bb sh -c '${SERVE}'`);
  assert.equal(await inside(`caisson run --rm --network front bb timeout 60 sh -c '${ASK}'`), 'deep');
  const address = await dockerOk(daemon, ['inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'outer']);
  assert.equal(await fetchPage(`${address}:8080`), 'deep\n');
  await inside(BUILD);
  await inside('caisson run --rm -v data:/data made cp /made /data/kept');
  assert.equal(await inside('caisson run --rm -v data:/data bb cat /data/kept'), 'built');
  assert.equal(await inside('docker -H tcp://127.0.0.1:2375 ps --format {{.Names}}'), 'web');
});

test('an engine in a container stops its containers, and finds everything again', async () => {
  await dockerOk(daemon, ['stop', 'outer']);
  assert.equal(await dockerOk(daemon, ['inspect', '-f', '{{.State.ExitCode}}', 'outer']), '0');
  await dockerOk(daemon, ['start', 'outer']);
  await answers('outer');
  assert.equal(await inside('caisson inspect -f {{.State.ExitCode}} web'), '7');
  assert.equal(await inside('caisson run --rm -v data:/data bb cat /data/kept'), 'built');
  await inside('caisson start web');
  await dockerOk(daemon, ['rm', '-f', '-v', 'outer']);
});

/** Waits for the engine for a minute at most. */
const ON_OVERLAY = `caissond --root /elsewhere 2>/log &
i=0; until caisson ps >/dev/null 2>&1; do sleep 0.1; i=$((i + 1)); [ $i -lt 600 ] || break; done
caisson load -q -i /bb.tar; caisson run --rm bb true; cat /log >&2`;

test('an engine whose root is on an overlay says so', async () => {
  const flags = ['--name', 'flat', '--privileged', '--entrypoint', 'sh'];
  await dockerOk(daemon, ['create', ...flags, 'engine', '-c', ON_OVERLAY]);
  await copyImage('flat');
  const { stderr } = await docker(daemon, ['start', '-a', 'flat']);
  assert.match(stderr, /snapshots cannot be mounted: their directory is on an overlay/);
  assert.match(
    stderr,
    /Cannot mount snapshot \w+: \S+ is on an overlay, .*keep the engine’s root on a volume/,
  );
  await dockerOk(daemon, ['rm', '-v', 'flat']);
});

test('a container with the socket drives the engine that runs it', async () => {
  const flags = ['--rm', '-v', `${daemon.socket}:/var/run/docker.sock`, '--entrypoint', 'docker'];
  const command = ['run', '--name', 'neighbour', 'bb', 'echo', 'from', 'the', 'neighbour'];
  assert.equal(await dockerOk(daemon, ['run', ...flags, 'engine', ...command]), 'from the neighbour');
  assert.equal(await dockerOk(daemon, ['inspect', '-f', '{{.State.ExitCode}}', 'neighbour']), '0');
});
