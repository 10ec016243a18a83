/** Containers outlive their daemon: killed or stopped, the next one has them back as if nothing had been. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import { attachAndSay, docker, dockerOk, importBusybox, runProgram } from '../support/docker.ts';
import { fetchPage, tryFetchPage } from '../support/http.ts';
import {
  countLines,
  findGaps,
  type Gap,
  numberedLines,
  printNumberedLines,
} from '../support/numbered-lines.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '#base/testing.ts';

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

afterEach(async () => {
  await engine.ensureRunning();
  const ids = (await ok('ps', '-aq')).split('\n').filter(Boolean);
  if (ids.length > 0) await ok('rm', '-f', '-v', ...ids);
});

after(() => engine[Symbol.asyncDispose]());

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const run = (...args: readonly string[]) => docker(engine, args);
const inspect = (name: string, field: string) => ok('inspect', '-f', `{{${field}}}`, name);
const pidOf = async (name: string) => Number(await inspect(name, '.State.Pid'));

/** A daemon knows only its own execs. */
async function inspectWithoutExecs(...names: readonly string[]): Promise<readonly object[]> {
  const objects: object[] = JSON.parse(await ok('inspect', ...names));
  return objects.map((object) => ({ ...object, ExecIDs: null }));
}

/** Bytes that a reader can have taken from a pipe and not yet written down: a read, and the begun line before it. */
const IN_FLIGHT_BYTES = 256 * 1024 + 16;
const CRASHES = 4;

async function startPrinting(exitCode: number): Promise<void> {
  const script = printNumberedLines(exitCode);
  await ok('run', '-d', '--name', 'pipe', 'bb', 'sh', '-c', script);
  await ok('run', '-d', '-t', '--name', 'tty', 'bb', 'sh', '-c', script);
}

/** Waits until both have printed much since they were last asked, and it has been read. */
async function untilMoreIsPrinted(): Promise<void> {
  for (const name of ['pipe', 'tty']) {
    const print = async () => Math.max(0, countLines((await run('logs', '--tail', '1', name)).stdout));
    const before = await print();
    await until(async () => (await print()) >= before + 500, `${name} prints`);
  }
}

/** Lets both end, and says what of their output is missing. */
async function missingOutput(): Promise<{ readonly pipe: readonly Gap[]; readonly tty: readonly Gap[] }> {
  for (const name of ['pipe', 'tty']) await run('exec', name, 'touch', '/stop');
  await ok('wait', 'pipe', 'tty');
  const [pipe, tty] = [(await run('logs', 'pipe')).stdout, (await run('logs', 'tty')).stdout];
  return {
    pipe: findGaps(numberedLines(countLines(pipe)), pipe),
    tty: findGaps(numberedLines(countLines(tty), '\r\n'), tty),
  };
}

test('crashes while containers print: they run on, and all they print is there', async (context) => {
  await startPrinting(7);
  const pids = [await pidOf('pipe'), await pidOf('tty')];
  for (let crash = 0; crash < CRASHES; crash++) {
    await untilMoreIsPrinted();
    await engine.kill();
    // Time without a daemon, in which they print on into their pipes.
    await sleep(50);
    for (const pid of pids) assert.ok(existsSync(`/proc/${pid}`), 'the container outlives the daemon');
    await engine.start();
  }
  await untilMoreIsPrinted();
  assert.match(await ok('ps', '--format', '{{.Names}} {{.Status}}'), /^tty Up .*\npipe Up /);
  const missing = await missingOutput();
  context.diagnostic(`lost in flight at ${CRASHES} crashes: ${JSON.stringify(missing)}`);
  for (const gaps of Object.values(missing)) {
    assert.ok(gaps.length <= CRASHES, `${gaps.length} gaps`);
    for (const gap of gaps) assert.ok(gap.length <= IN_FLIGHT_BYTES, `a gap of ${gap.length} bytes`);
  }
  assert.equal(await ok('wait', 'pipe', 'tty'), '7\n7');
});

test('clean stops while containers print lose nothing at all', async () => {
  await startPrinting(8);
  for (let stop = 0; stop < 3; stop++) {
    await untilMoreIsPrinted();
    await engine.stop();
    await engine.start();
  }
  await untilMoreIsPrinted();
  assert.deepEqual(await missingOutput(), { pipe: [], tty: [] });
  assert.equal(await ok('wait', 'pipe', 'tty'), '8\n8');
});

const untilFile = (path: string) => `until [ -e ${path} ]; do usleep 20000; done`;
/** Ends when there is a file `now` in the folder that is bind-mounted on /go. */
const UNTIL_TOLD = untilFile('/go/now');
const later = (code: number) => ['bb', 'sh', '-c', `${UNTIL_TOLD}; echo last words; exit ${code}`];

test('what ended while no daemon ran has its exit code, last words and time', async () => {
  const folder = mkdtempSync(join(engine.directory, 'go-'));
  const start = (name: string, flags: readonly string[], command: readonly string[]) =>
    ok('run', '-d', '--name', name, '-v', `${folder}:/go`, ...flags, ...command);
  await start('zero', [], later(0));
  await start('code', [], later(42));
  await start('terminal', ['-t'], later(3));
  await start('brief', ['--rm'], later(0));
  await start('killed', [], ['bb', 'sleep', '1000']);
  await start('greedy', ['-m', '16m'], ['bb', 'sh', '-c', `${UNTIL_TOLD}; tail /dev/zero`]);
  const names = ['zero', 'code', 'terminal', 'brief', 'killed', 'greedy'];
  const ids = await Promise.all(names.map((name) => inspect(name, '.Id')));
  const killed = await pidOf('killed');
  await engine.kill();
  writeFileSync(join(folder, 'now'), '');
  process.kill(killed, 'SIGKILL');
  for (const id of ids) await until(() => isNoticed(id), `the exit of ${id} is noticed`);
  const restartedAt = new Date();
  await engine.start();
  const states = await ok('ps', '-a', '--format', '{{.Names}} {{.Status}}');
  for (const [name, code] of [
    ['zero', 0],
    ['code', 42],
    ['terminal', 3],
    ['killed', 137],
    ['greedy', 137],
  ] as const) {
    assert.match(states, new RegExp(`^${name} Exited \\(${code}\\) `, 'm'));
    assert.equal(await ok('wait', name), String(code));
    const finishedAt = new Date(await inspect(name, '.State.FinishedAt'));
    assert.ok(finishedAt <= restartedAt, `${name} ended at ${finishedAt.toISOString()}, before the restart`);
  }
  assert.equal(await inspect('greedy', '.State.OOMKilled'), 'true');
  await until(async () => (await ok('ps', '-aq', '--filter', 'name=brief')) === '', 'brief is removed');
  assert.equal(await ok('logs', 'code'), 'last words');
  assert.equal(await ok('logs', 'terminal'), 'last words\r');
  await ok('start', 'code');
  assert.equal(await ok('wait', 'code'), '42', 'it starts again');
});

/** Whether its monitor has recorded how it ended. */
function isNoticed(id: string): boolean {
  const path = join(engine.run, `containers/notices/${id}.exit`);
  return existsSync(path) && readFileSync(path, 'utf8').endsWith('\n');
}

/** What a command that would go on says first. */
async function firstLines(count: number, ...args: readonly string[]): Promise<string> {
  const command = `docker -H ${engine.host} ${args.join(' ')} | head -n ${count}`;
  return (await runProgram('sh', ['-c', command])).stdout;
}

for (const [way, interrupt] of [
  ['a crash', () => engine.crash()],
  ['a clean stop', () => engine.stop().then(() => engine.start())],
] as const) {
  test(`after ${way}, commands work on containers from before`, async () => {
    await ok('run', '-d', '-i', '--name', 'cat', 'bb', 'cat');
    const ticking = 'i=0; while :; do echo tick $i; i=$((i + 1)); usleep 50000; done';
    await ok('run', '-d', '--name', 'clock', 'bb', 'sh', '-c', ticking);
    await ok('exec', '-d', 'clock', 'sh', '-c', `${untilFile('/tmp/go')}; echo > /tmp/done`);
    await firstLines(1, 'logs', '-f', 'clock');
    const before = await inspectWithoutExecs('clock', 'cat');
    await interrupt();
    assert.deepEqual(await inspectWithoutExecs('clock', 'cat'), before);

    assert.equal(await ok('exec', 'clock', 'echo', 'hello'), 'hello');
    assert.match(await ok('top', 'clock'), /usleep|sh -c/);
    assert.match(await firstLines(5, 'logs', '-f', '--tail', '1', 'clock'), /^(tick \d+\n){5}$/);
    assert.match(await firstLines(2, 'attach', '--no-stdin', 'clock'), /^(tick \d+\n){2}$/);
    assert.equal(await attachAndSay(engine, 'cat', 'words\n'), 'words\n');

    await ok('pause', 'clock');
    assert.match(await ok('ps', '--format', '{{.Names}} {{.Status}}'), /^clock Up .*\(Paused\)$/m);
    await ok('unpause', 'clock');
    await ok('exec', 'clock', 'sh', '-c', `touch /tmp/go; ${untilFile('/tmp/done')}`);
    const waiting = ok('wait', 'clock');
    await ok('stop', '-t', '0', 'clock');
    assert.equal(await waiting, '137');
    await ok('restart', '-t', '0', 'cat');
    assert.equal(await inspect('cat', '.State.Running'), 'true');
    await ok('rm', '-f', 'cat', 'clock');
  });

  test(`after ${way}, a terminal still takes input, sizes and detach keys`, async () => {
    await ok('run', '-dit', '--name', 'box', 'bb', 'sh');
    await interrupt();
    using terminal = Terminal.open(['docker', '-H', engine.host, 'attach', 'box'], { rows: 31, columns: 97 });
    await terminal.until(/[#$] /);
    terminal.type('stty size\r');
    await terminal.until(/31 97/);
    terminal.resize(40, 111);
    process.kill(terminal.pid, 'SIGWINCH');
    terminal.type('until stty size | grep ^40; do usleep 20000; done\r');
    await terminal.until(/40 111\r\n/);
    terminal.type('\x10\x11');
    await terminal.until(/read escape sequence/);
    assert.equal(await inspect('box', '.State.Running'), 'true');
    using again = Terminal.open(['docker', '-H', engine.host, 'attach', 'box']);
    again.type('\rexit 9\r');
    assert.equal(await again.exitCode(), 9);
    assert.match(await ok('logs', 'box'), /31 97/);
  });

  test(`after ${way}, the network is as it was`, async () => {
    const serve = 'echo $(hostname) > /www/index.html; exec httpd -f -p 80 -h /www';
    await ok('run', '-d', '--name', 'web', '-h', 'web', '-p', '127.0.0.1::80', 'bb', 'sh', '-c', serve);
    await ok('run', '-d', '--name', 'peer', 'bb', 'sleep', '1000');
    const where = await ok('port', 'web', '80');
    assert.equal(await fetchPage(where), 'web\n');
    await interrupt();
    assert.equal(await tryFetchPage(where), 'web\n');
    assert.equal(await ok('port', 'web', '80'), where);
    const page = await ok('exec', 'peer', 'wget', '-q', '-O', '-', 'http://web/');
    assert.equal(page, 'web', 'names resolve in containers from before');

    const addresses = await Promise.all(
      ['web', 'peer'].map((name) => inspect(name, '.NetworkSettings.IPAddress')),
    );
    const fresh = await ok('run', '--rm', 'bb', 'hostname', '-i');
    assert.ok(!addresses.includes(fresh), `${fresh} is a new address, none of ${addresses.join(', ')}`);
    const taken = await run('run', '--rm', '-p', `${where}:80`, 'bb', 'true');
    assert.match(taken.stderr, /port is already allocated/);
    await ok('rm', '-f', 'web');
    assert.equal(await tryFetchPage(where), undefined, 'the port is closed again');
  });
}

test('a runtime that is killed together with the daemon: its container can be started again', async () => {
  await ok('run', '-d', '--name', 'box', 'bb', 'sleep', '1000');
  const pid = await pidOf('box');
  const [group = ''] = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const runtime = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  assert.match(readFileSync(`/proc/${runtime}/cmdline`, 'utf8'), /crun|runc/);
  process.kill(runtime, 'SIGKILL');
  await engine.crash();
  await until(async () => (await inspect('box', '.State.Running')) === 'false', 'it has ended');
  await until(() => !existsSync(`/proc/${pid}`), 'its process is gone');
  await ok('start', 'box');
  assert.equal(await ok('exec', 'box', 'echo', 'again'), 'again');
  const [now = ''] = readFileSync(`/proc/${await pidOf('box')}/cgroup`, 'utf8').split('\n');
  assert.equal(now, group);
  // The leftovers of the daemon are looked for at its end, control groups among them.
  await ok('rm', '-f', 'box');
});

test('published ports work while no daemon runs', async () => {
  const serve = 'echo here > /www/index.html; exec httpd -f -p 80 -h /www';
  await ok('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'bb', 'sh', '-c', serve);
  const where = await ok('port', 'web', '80');
  await fetchPage(where);
  await engine.kill();
  assert.equal(await tryFetchPage(where), 'here\n');
  await engine.start();
});

test('clients of a daemon that dies or stops do not hang, and do not keep it from stopping', async () => {
  await ok('run', '-d', '--name', 'idle', 'bb', 'sleep', '1000');
  for (const end of [() => engine.kill(), () => engine.stop()]) {
    const clients = [['wait', 'idle'], ['logs', '-f', 'idle'], ['attach', '--no-stdin', 'idle'], ['events']];
    const outcomes = clients.map((args) => docker(engine, args));
    await until(() => connections() >= clients.length, 'all are connected');
    await end();
    for (const outcome of await Promise.all(outcomes))
      assert.notEqual(outcome.exitCode, 137, 'no client hangs');
    await engine.start();
  }
});

/** How many clients the daemon has accepted (proc_net(5)): their state is connected, and their path the daemon's. */
function connections(): number {
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return rows.filter((row) => row.endsWith(` ${engine.socket}`) && row.split(' ')[5] === '03').length;
}
