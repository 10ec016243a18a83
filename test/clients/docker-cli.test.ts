/** Debian's docker command line against the engine: the life of containers. */
import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { attachAndSay, docker, dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { fetchPage, request } from '../support/http.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';
import { bytePath, until } from '#base/testing.ts';

let engine: Subject;
const scratch = mkdtempSync('/tmp/caisson-cli-');

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

afterEach(async () => {
  const ids = (await dockerOk(engine, ['ps', '-aq'])).split('\n').filter(Boolean);
  if (ids.length > 0) await dockerOk(engine, ['rm', '-f', '-v', ...ids]);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const run = (...args: readonly string[]) => docker(engine, args);

test('version and info name client and server', async () => {
  assert.match(await ok('version'), /Server:[\s\S]*API version:/);
  assert.equal(await ok('version', '--format', '{{.Server.Os}}'), 'linux');
  const info = JSON.parse(await ok('info', '--format', 'json'));
  assert.equal(info.OSType, 'linux');
  assert.equal(info.Swarm.LocalNodeState, 'inactive');
  assert.ok(info.NCPU > 0 && info.MemTotal > 0);
  assert.match(await ok('info'), /Storage Driver: overlay/);
  assert.equal(await ok('plugin', 'ls', '-q'), '');
});

test('run prints both streams and passes the exit code', async () => {
  const outcome = await run('run', '--rm', 'bb', 'sh', '-c', 'echo out; echo err >&2; exit 3');
  assert.deepEqual(outcome, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
});

test('run -i passes standard input and its end', async () => {
  const input = 'line\n'.repeat(50_000);
  const outcome = await docker(engine, ['run', '-i', '--rm', 'bb', 'wc', '-l'], { input });
  assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '50000\n']);
});

test('exit codes of a run: signal, missing program, forbidden program, unknown flag', async () => {
  const killed = run('run', '--rm', '--name', 'victim', 'bb', 'sleep', '1000');
  await until(async () => (await run('kill', 'victim')).exitCode === 0, 'it can be killed');
  assert.equal((await killed).exitCode, 137);
  const missing = await run('run', '--rm', 'bb', 'nosuch');
  assert.equal(missing.exitCode, 127);
  assert.match(missing.stderr, /exec: "nosuch": executable file not found in \$PATH/);
  const forbidden = await run('run', '--rm', 'bb', '/etc/passwd');
  assert.equal(forbidden.exitCode, 126);
  assert.match(forbidden.stderr, /permission denied/);
  assert.equal((await run('run', '--rm', '--memory', '1m', 'bb', 'true')).exitCode, 125);
  assert.equal(await ok('ps', '-aq', '--filter', 'status=created'), '', 'nothing stays of failed --rm runs');
});

test('environment, working directory, user, host name and entry point reach the process', async () => {
  writeFileSync(join(scratch, 'env'), '# comment\nFROM_FILE=yes\n');
  const script = 'echo $A:$FROM_FILE:$HOME:$(pwd):$(id -u):$(id -g):$(hostname)';
  const flags = ['-e', 'A=b', '--env-file', join(scratch, 'env'), '-w', '/tmp', '-u', '7:9', '-h', 'box'];
  assert.equal(await ok('run', '--rm', ...flags, 'bb', 'sh', '-c', script), 'b:yes:/:/tmp:7:9:box');
  assert.equal(await ok('run', '--rm', '--entrypoint', 'echo', 'bb', 'a', 'b'), 'a b');
});

test('create, start -a, rename, inspect, labels, rm', async () => {
  const id = await ok(
    'create',
    '--name',
    'first',
    '--label',
    'tier=front',
    'bb',
    'sh',
    '-c',
    'echo hello; exit 4',
  );
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(await ok('inspect', '-f', '{{.State.Status}} {{.Name}}', 'first'), 'created /first');
  const started = await run('start', '-a', 'first');
  assert.deepEqual([started.exitCode, started.stdout], [4, 'hello\n']);
  await ok('rename', 'first', 'second');
  assert.equal(await ok('inspect', '-f', '{{.Id}} {{.State.ExitCode}}', 'second'), `${id} 4`);
  assert.equal(await ok('inspect', '-f', '{{.Config.Labels.tier}}', id.slice(0, 12)), 'front');
  assert.equal(await ok('ps', '-a', '--filter', 'label=tier=front', '--format', '{{.Names}}'), 'second');
  assert.equal(await ok('rm', 'second'), 'second');
  assert.equal((await run('inspect', 'second')).exitCode, 1);
});

test('stop, start, restart, kill, pause, unpause and wait', async () => {
  await ok(
    'run',
    '-d',
    '--name',
    'life',
    'bb',
    'sh',
    '-c',
    'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done',
  );
  await until(async () => (await ok('logs', 'life')) === 'ready', 'it has set its trap');
  await ok('pause', 'life');
  assert.match(await ok('ps', '--format', '{{.Status}}', '--filter', 'name=life'), /\(Paused\)$/);
  await ok('unpause', 'life');
  const waiting = ok('wait', 'life');
  assert.equal(await ok('stop', '-t', '60', 'life'), 'life');
  assert.equal(await waiting, '5');
  assert.match(await ok('ps', '-a', '--format', '{{.Status}}', '--filter', 'name=life'), /^Exited \(5\) /);
  assert.equal(await ok('start', 'life'), 'life');
  assert.equal(await ok('restart', '-t', '0', 'life'), 'life');
  assert.equal(await ok('inspect', '-f', '{{.State.Running}}', 'life'), 'true');
  assert.equal(await ok('kill', '-s', 'KILL', 'life'), 'life');
  assert.equal(await ok('wait', 'life'), '137');
  assert.equal((await run('stop', 'life')).exitCode, 0, 'stopping what has stopped is no error');
  await ok('rm', 'life');
});

test('logs: both streams, tail, since, timestamps, follow', async () => {
  await ok(
    'run',
    '--name',
    'talk',
    'bb',
    'sh',
    '-c',
    'for i in 1 2 3 4; do echo line $i; done; echo bad >&2',
  );
  const all = await run('logs', 'talk');
  assert.deepEqual([all.stdout, all.stderr], ['line 1\nline 2\nline 3\nline 4\n', 'bad\n']);
  assert.equal(
    (await run('logs', '--tail', '2', 'talk')).stdout,
    'line 4\n',
    'the last two lines are one of each stream',
  );
  assert.match((await run('logs', '-t', '--tail', '5', 'talk')).stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z line 1\n/);
  assert.equal((await run('logs', '--since', '1h', '--until', '30m', 'talk')).stdout, '');
  await ok('rm', 'talk');
  await ok(
    'run',
    '-d',
    '--name',
    'slow',
    'bb',
    'sh',
    '-c',
    'for i in 1 2 3; do echo tick $i; sleep 0.2; done',
  );
  assert.equal((await run('logs', '-f', 'slow')).stdout, 'tick 1\ntick 2\ntick 3\n');
  await ok('rm', '-f', 'slow');
});

test('json-file keeps its format on disk', { skip: isForeign }, async () => {
  await ok(
    'run',
    '--name',
    'json',
    '--log-driver',
    'json-file',
    'bb',
    'sh',
    '-c',
    'echo "quote \\" and <tag>"',
  );
  const path = await ok('inspect', '-f', '{{.LogPath}}', 'json');
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines.length, 1);
  assert.deepEqual([lines[0].log, lines[0].stream], ['quote " and <tag>\n', 'stdout']);
  assert.equal(await ok('logs', 'json'), 'quote " and <tag>');
  await ok('rm', 'json');
});

test('exec: streams, exit code, user, environment, working directory, detached', async () => {
  await ok('run', '-d', '--name', 'host', 'bb', 'sleep', '1000');
  const outcome = await run('exec', 'host', 'sh', '-c', 'echo out; echo err >&2; exit 6');
  assert.deepEqual(outcome, { exitCode: 6, stdout: 'out\n', stderr: 'err\n' });
  const flags = ['-u', '12', '-w', '/tmp', '-e', 'X=y'];
  assert.equal(await ok('exec', ...flags, 'host', 'sh', '-c', 'echo $(id -u):$(pwd):$X'), '12:/tmp:y');
  const piped = await docker(engine, ['exec', '-i', 'host', 'cat'], { input: 'through\n' });
  assert.equal(piped.stdout, 'through\n');
  const unknownUser = await run('exec', '-u', 'nosuch', 'host', 'true');
  assert.equal(unknownUser.exitCode, 126);
  assert.match(
    unknownUser.stdout + unknownUser.stderr,
    /unable to find user nosuch: no matching entries in passwd file/,
  );
  assert.equal((await run('exec', '-w', '/nosuch', 'host', 'true')).exitCode, 126);
  await ok('exec', '-d', 'host', 'touch', '/tmp/made');
  const isMade = async () => (await run('exec', 'host', 'test', '-e', '/tmp/made')).exitCode === 0;
  await until(isMade, 'the file is made');
  const missing = await run('exec', 'host', 'nosuch');
  assert.ok(
    missing.exitCode === 127 || (isForeign && missing.exitCode === 126),
    'older daemons of Docker say 126',
  );
  assert.match(missing.stdout + missing.stderr, /exec: "nosuch": executable file not found in \$PATH/);
  await until(async () => /sleep 1000/.test(await ok('top', 'host')), 'the program runs');
  await ok('rm', '-f', 'host');
  const gone = await run('exec', 'host', 'true');
  assert.deepEqual(
    [gone.exitCode, gone.stderr],
    [1, 'Error response from daemon: No such container: host\n'],
  );
});

test('attach sees output and passes input', async () => {
  await ok('run', '-d', '-i', '--name', 'echo', 'bb', 'cat');
  assert.equal(await attachAndSay(engine, 'echo', 'words\n', '--sig-proxy=false'), 'words\n');
  await ok('rm', '-f', 'echo');
});

test('bind mounts, tmpfs and volumes', async () => {
  writeFileSync(join(scratch, 'page'), 'from the host\n');
  assert.equal(await ok('run', '--rm', '-v', `${scratch}:/in:ro`, 'bb', 'cat', '/in/page'), 'from the host');
  const readOnly = await run('run', '--rm', '-v', `${scratch}:/in:ro`, 'bb', 'touch', '/in/new');
  assert.match(readOnly.stderr, /Read-only file system/);
  const mount = `type=bind,source=${scratch},target=/in`;
  await ok('run', '--rm', '--mount', mount, 'bb', 'sh', '-c', 'echo back > /in/out');
  assert.equal(readFileSync(join(scratch, 'out'), 'utf8'), 'back\n');
  const tmpfs = 'type=tmpfs,destination=/t,tmpfs-size=65536';
  assert.match(
    await ok('run', '--rm', '--mount', tmpfs, 'bb', 'grep', ' /t ', '/proc/mounts'),
    /tmpfs .*size=64k/,
  );
  await ok('run', '--rm', '-v', 'kept:/data', 'bb', 'sh', '-c', 'echo kept > /data/f');
  assert.equal(await ok('run', '--rm', '-v', 'kept:/data', 'bb', 'cat', '/data/f'), 'kept');
  assert.equal(await ok('volume', 'ls', '-q', '--filter', 'name=kept'), 'kept');
  await ok('run', '--rm', '-v', '/anonymous', 'bb', 'true');
  assert.equal(await ok('volume', 'ls', '-q'), 'kept', 'an anonymous volume goes with its --rm container');
  await ok('volume', 'rm', 'kept');
});

test('limits and confinement are in force', async () => {
  const status = await ok('run', '--rm', 'bb', 'grep', '-E', 'CapEff|Seccomp:', '/proc/self/status');
  assert.match(status, /CapEff:\s+00000000a80425fb/);
  assert.match(status, /Seccomp:\s+2/);
  assert.equal(
    (await run('run', '--rm', 'bb', 'sh', '-c', 'echo x > /proc/sys/kernel/hostname')).exitCode,
    1,
  );
  assert.equal(
    (await run('run', '--rm', 'bb', 'sh', '-c', 'cat /proc/kcore | head -c 1 | wc -c')).stdout.trim(),
    '0',
  );
  const pids = await run(
    'run',
    '--rm',
    '--pids-limit',
    '5',
    'bb',
    'sh',
    '-c',
    'for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; wait',
  );
  assert.match(pids.stderr, /can't fork/);
  const inspected = await ok('create', '--memory', '64m', '--cpus', '0.5', 'bb', 'true');
  const format = '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.MemorySwap}}';
  assert.equal(await ok('inspect', '-f', format, inspected), '67108864 500000000 134217728');
  await ok('rm', inspected);
});

test('a published port is reachable from the host and shown', async () => {
  const serve = 'echo published > /www/index.html; exec httpd -f -p 80 -h /www';
  await ok('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'bb', 'sh', '-c', serve);
  const where = await ok('port', 'web', '80');
  assert.match(where, /^127\.0\.0\.1:\d+$/);
  assert.match(
    await ok('ps', '--format', '{{.Ports}}', '--filter', 'name=web'),
    new RegExp(`^${where}->80/tcp$`),
  );
  assert.equal(await fetchPage(where), 'published\n');
  const taken = await run('run', '--rm', '-p', `${where}:80`, 'bb', 'true');
  assert.equal(taken.exitCode, 125);
  assert.match(taken.stderr, /port is already allocated/);
  await ok('rm', '-f', 'web');
});

test('network none, host, and what inspect says of the bridge', async () => {
  assert.equal(await ok('run', '--rm', '--network', 'none', 'bb', 'sh', '-c', 'ip -o link | wc -l'), '1');
  const namespace = await ok('run', '--rm', '--network', 'host', 'bb', 'readlink', '/proc/self/ns/net');
  assert.equal(namespace, readlinkSync('/proc/self/ns/net'));
  await ok('run', '-d', '--name', 'peer', 'bb', 'sleep', '1000');
  const address = await ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'peer');
  assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
  assert.match(
    await ok('network', 'inspect', 'bridge', '-f', '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}'),
    new RegExp(`peer ${address}/`),
  );
  assert.match(await ok('exec', 'peer', 'cat', '/etc/hosts'), new RegExp(`${address}\\s+`));
  assert.equal(
    await ok('run', '--rm', 'bb', 'sh', '-c', `ping -c 1 -W 60 ${address} >/dev/null && echo reached`),
    'reached',
  );
  await ok('rm', '-f', 'peer');
});

test('containers find each other by name on the default bridge', { skip: isForeign }, async () => {
  await ok('run', '-d', '--name', 'named', 'bb', 'sleep', '1000');
  const address = await ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'named');
  assert.match(await ok('run', '--rm', 'bb', 'nslookup', 'named'), new RegExp(address));
  await ok('rm', '-f', 'named');
});

test('ps: columns, filters, quiet, last, size', async () => {
  await ok('run', '-d', '--name', 'up', 'bb', 'sleep', '1000');
  await ok('create', '--name', 'made', 'bb', 'true');
  assert.match(
    await ok('ps'),
    /^CONTAINER ID\s+IMAGE\s+COMMAND\s+CREATED\s+STATUS\s+PORTS\s+NAMES\n[0-9a-f]{12}\s+bb\s+"sleep 1000"\s+.*Up .*\s+up$/,
  );
  assert.equal(await ok('ps', '-a', '--format', '{{.Names}}'), 'made\nup');
  assert.equal(await ok('ps', '-a', '--filter', 'status=created', '--format', '{{.Names}}'), 'made');
  assert.equal(await ok('ps', '-l', '--format', '{{.Names}}'), 'made');
  assert.match(await ok('ps', '-s', '--format', '{{.Size}}'), /^\d.*B \(virtual \d.*B\)$/);
  await ok('rm', '-f', 'up', 'made');
});

test('cp in and out, files, folders and streams', async () => {
  await ok('create', '--name', 'box', 'bb', 'true');
  writeFileSync(join(scratch, 'in'), 'payload\n', { mode: 0o640 });
  await ok('cp', join(scratch, 'in'), 'box:/tmp/renamed');
  await ok('cp', 'box:/tmp/renamed', join(scratch, 'back'));
  assert.equal(readFileSync(join(scratch, 'back'), 'utf8'), 'payload\n');
  const tar = await docker(engine, ['cp', 'box:/etc', '-']);
  assert.match(tar.stdout, /etc\/passwd/);
  const missing = await run('cp', 'box:/nosuch', scratch);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.stderr, /Could not find the file \/nosuch in container box/);
  const names = join(scratch, 'names');
  mkdirSync(names);
  for (const name of ['\xff', '\xfe']) writeFileSync(bytePath(names, name), name);
  await ok('cp', names, 'box:/tmp');
  await ok('cp', 'box:/tmp/names', join(scratch, 'names-back'));
  for (const name of ['\xff', '\xfe'])
    assert.equal(readFileSync(bytePath(join(scratch, 'names-back'), name), 'utf8'), name);
  const one = await request(engine.socket, 'GET', '/containers/box/archive?path=/tmp/names/%FE');
  assert.equal(one.status, 200, one.body);
  await ok('rm', 'box');
});

test('cp -a gives what it copies to the user of the container, if that has one', async () => {
  const file = join(scratch, 'owned');
  writeFileSync(file, '');
  chownSync(file, 1234, 1235);
  const owners = { root: '1234:1235', user: '1000:1000' };
  for (const [user, owner] of Object.entries(owners)) {
    const flags = user === 'root' ? [] : ['-u', user];
    await ok('create', '--name', 'owning', ...flags, 'bb', 'stat', '-c', '%u:%g', '/tmp/as-is', '/tmp/given');
    await ok('cp', file, 'owning:/tmp/as-is');
    await ok('cp', '-a', file, 'owning:/tmp/given');
    assert.equal(await ok('start', '-a', 'owning'), `1234:1235\n${owner}`);
    await ok('rm', 'owning');
  }
});

test('diff and export show what a container changed', async () => {
  await ok('run', '--name', 'changed', 'bb', 'sh', '-c', 'echo x > /tmp/new; rm /etc/group');
  const changes = (await ok('diff', 'changed')).split('\n').toSorted();
  assert.deepEqual(changes, ['A /tmp/new', 'C /etc', 'C /tmp', 'D /etc/group']);
  const listing = await runProgram('sh', [
    '-c',
    `docker -H ${engine.host} export changed | tar -tf - | grep -c tmp/new`,
  ]);
  assert.equal(listing.stdout.trim(), '1');
  await ok('rm', 'changed');
});

test('events tell a life in order', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  await ok('run', '--rm', '--name', 'story', 'bb', 'true');
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const format = '{{.Type}} {{.Action}}';
  const events = await ok(
    'events',
    '--since',
    String(since),
    '--until',
    until,
    '--filter',
    'container=story',
    '--format',
    format,
  );
  assert.deepEqual(events.split('\n'), [
    'container create',
    'container attach',
    'container start',
    'container die',
    'container destroy',
  ]);
});

test('system df and container prune', async () => {
  await ok('run', '--name', 'old', 'bb', 'sh', '-c', 'head -c 10000 /dev/zero > /tmp/f');
  assert.match(await ok('system', 'df'), /^TYPE\s+TOTAL\s+ACTIVE\s+SIZE\s+RECLAIMABLE\nImages\s+1/);
  const pruned = await ok('container', 'prune', '-f');
  assert.match(pruned, /Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: \d/);
  assert.equal(await ok('ps', '-aq'), '');
});

test('40 at once', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `many-${index}`);
  await Promise.all(names.map((name) => ok('run', '-d', '--name', name, 'bb', 'sleep', '1000')));
  const up = await ok('ps', '-q', '--filter', 'name=many-');
  assert.equal(up.split('\n').length, 40);
  await ok('rm', '-f', ...names);
  assert.equal(await ok('ps', '-aq'), '');
});
