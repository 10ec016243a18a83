/** `caisson build` when one side goes away in the middle: the client, the engine, or what is built. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { Relay } from '../support/relay.ts';
import type { Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '#base/testing.ts';
import { CAISSON, CaissonCli } from './caisson-cli.ts';

let engine: TestDaemon;
const caisson = new CaissonCli(() => engine.host);

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  caisson[Symbol.dispose]();
});

/** No other process sleeps as long. */
const SECONDS = 20_000 + process.pid;
const sleeping = () =>
  caisson.directory({
    Dockerfile: `FROM bb\nRUN echo done > /before\nRUN echo begun; exec sleep ${SECONDS}\n`,
  });

/** Commands of builds that are running. */
function sleepers(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandLine(pid) === `sleep\u0000${SECONDS}\u0000`).length;
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const isSleeping = () => sleepers() > 0;
const untilNobodySleeps = () => until(() => !isSleeping(), 'the command is gone');

const command = ({ host }: Subject, ...args: readonly string[]) => [
  process.execPath,
  CAISSON,
  '-H',
  host,
  'build',
  ...args,
];

function start(
  subject: Subject,
  args: readonly string[],
  stdout: 'ignore' | 'pipe' = 'ignore',
): { readonly client: ChildProcess; readonly exited: Promise<unknown[]> } {
  const [program = '', ...rest] = command(subject, ...args);
  const client = spawn(program, rest, { stdio: ['ignore', stdout, 'pipe'] });
  return { client, exited: once(client, 'exit') };
}

test('Ctrl-C: the terminal is left as it was, and the command ends', async () => {
  using terminal = Terminal.open(command(engine, '--no-cache', sleeping()));
  await terminal.until(/# begun/);
  await until(isSleeping, 'the command runs');
  const from = terminal.screen.length;
  terminal.type('\u0003');
  assert.equal(await terminal.exitCode(), 130);
  const left = terminal.screen.slice(from);
  assert.ok(left.includes('\u001b[?25h'), 'the cursor is shown again');
  assert.match(left, /\r\n.*the build was canceled\r\n$/s, 'and stands at the beginning of a line');
  assert.equal(terminal.screen.split('\u001b[?25l').length, terminal.screen.split('\u001b[?25h').length);
  await untilNobodySleeps();
});

test('an engine that is stopped or killed: the client says so, and what was done is found again', async () => {
  for (const [how, message] of [
    ['stop', /the engine was stopped; it keeps the steps that were done/],
    ['kill', /the engine is gone; it keeps the steps that were done/],
  ] as const) {
    const { client, exited } = start(engine, [sleeping()]);
    const said = text(client.stderr ?? process.stdin);
    await until(isSleeping, 'the command runs');
    await engine[how]();
    assert.deepEqual(await exited, [1, null]);
    assert.match(await said, message);
    await engine.start();
    await untilNobodySleeps();
  }
  const again = await caisson.ok([
    'build',
    '--progress',
    'plain',
    caisson.directory({
      Dockerfile: 'FROM bb\nRUN echo done > /before\n',
    }),
  ]);
  assert.match(again.stderr, /^#\d+ \[2\/2\] RUN echo done > \/before\n#\d+ CACHED$/m);
});

/** What is kept of clients' directories. */
function contextBytes(): number {
  const directory = join(engine.root, 'builds/contexts');
  const sizes = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(
    (file) => statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('a client that is killed while it sends its context leaves nothing that the next one minds', async () => {
  const context = caisson.directory({
    Dockerfile: 'FROM bb\nCOPY . /all\n',
    big: Buffer.alloc(96 << 20, 'x'),
  });
  const before = contextBytes();
  {
    await using relay = await Relay.start(engine);
    relay.limitBytes = 8 << 20;
    const { client, exited } = start(relay, [context]);
    await until(() => contextBytes() > before + (2 << 20), 'some of it has come');
    client.kill('SIGKILL');
    await exited;
  }
  const { stderr } = await caisson.ok(['build', '--progress', 'plain', '-t', 'sent', context]);
  assert.match(stderr, /transferring context: 101MB/);
  assert.doesNotMatch(engine.log(), /level=error|Unhandled/);
});

test('a client that is killed or interrupted while it gets a result leaves no half of it', async () => {
  const context = caisson.directory({
    Dockerfile: 'FROM scratch\nCOPY big /\n',
    big: Buffer.alloc(64 << 20, 'x'),
  });
  const unread = start(engine, ['-o', '-', context], 'pipe');
  assert.ok(unread.client.stdout);
  await once(unread.client.stdout, 'readable');
  unread.client.kill('SIGKILL');
  await unread.exited;
  const whole = join(caisson.scratch, 'whole.tar');
  await caisson.ok(['build', '-o', `type=tar,dest=${whole}`, context]);
  assert.ok(statSync(whole).size > 64 << 20);

  const half = join(caisson.scratch, 'half.tar');
  await using relay = await Relay.start(engine);
  relay.answerLimitBytes = 8 << 20;
  const { client, exited } = start(relay, ['-o', `type=tar,dest=${half}`, context]);
  await until(() => existsSync(half) && statSync(half).size > 1 << 20, 'some of it has come');
  client.kill('SIGINT');
  assert.deepEqual(await exited, [130, null]);
  assert.equal(existsSync(half), false);
});
