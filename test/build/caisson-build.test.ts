/** `caisson build` against the engine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox, type Outcome, type RunOptions, runProgram } from '../support/docker.ts';
import { until } from '#base/testing.ts';

let engine: TestDaemon;
const scratch = mkdtempSync('/tmp/caisson-build-');
const program = join(import.meta.dirname, '../../src/main/caisson.ts');

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const caisson = (args: readonly string[], options?: RunOptions): Promise<Outcome> =>
  runProgram(process.execPath, [program, '-H', engine.host, ...args], options);

test('a directory, with arguments, labels, several names and a Dockerfile from elsewhere', async () => {
  const context = mkdtempSync(join(scratch, 'context-'));
  writeFileSync(join(context, 'a'), 'content');
  const dockerfile = join(scratch, 'Elsewhere');
  writeFileSync(dockerfile, 'FROM bb\nARG X\nARG Y\nCOPY a /a\nRUN echo "$X $Y" >> /a\nCMD ["cat", "/a"]\n');
  const iidfile = join(scratch, 'iid');
  const flags = ['-f', dockerfile, '-t', 'one', '-t', 'two:2', '--iidfile', iidfile, '--label', 'l=v'];
  const args = ['build', ...flags, '--build-arg', 'X=1', '--build-arg', 'Y', context];
  const built = await caisson(args, { env: { Y: '2' } });
  assert.equal(built.exitCode, 0, built.stderr);
  assert.match(built.stderr, /^#\d+ \[2\/3\] COPY a \/a\n/m);
  assert.match(built.stderr, /^#\d+ naming to docker\.io\/library\/two:2/m);
  assert.equal(built.stdout, '');
  assert.match(readFileSync(iidfile, 'utf8'), /^sha256:[0-9a-f]{64}$/);
  assert.equal((await caisson(['run', '--rm', 'two:2'])).stdout, 'content1 2\n');
  const labels = await caisson(['image', 'inspect', '-f', '{{.Config.Labels.l}}', 'one']);
  assert.equal(labels.stdout, 'v\n');
});

test('standard input: a Dockerfile, a tar, a Dockerfile for a directory', async () => {
  const plain = await caisson(['build', '-q', '-'], { input: 'FROM bb\nRUN true\n' });
  assert.match(plain.stdout, /^sha256:[0-9a-f]{64}\n$/, plain.stderr);
  const tar = tarOf(
    { path: 'Dockerfile', content: 'FROM bb\nCOPY x /x\n', mode: 0o644 },
    { path: 'x', content: 'x', mode: 0o644 },
  );
  assert.equal((await caisson(['build', '-q', '-'], { input: tar })).exitCode, 0);
  const directory = mkdtempSync(join(scratch, 'context-'));
  writeFileSync(join(directory, 'x'), 'x');
  const mixed = await caisson(['build', '-q', '-f', '-', directory], { input: 'FROM bb\nCOPY x /x\n' });
  assert.equal(mixed.exitCode, 0, mixed.stderr);
});

test('what fails is said, and why', async () => {
  const failing = await caisson(['build', '-'], { input: 'FROM bb\nRUN echo last words; exit 5\n' });
  assert.equal(failing.exitCode, 1);
  assert.match(failing.stderr, /^#\d+ [0-9.]+ last words$/m);
  assert.match(failing.stderr, /^Dockerfile:2\n-+\n.*\n {3}2 \| >>> RUN echo last words; exit 5\n/m);
  assert.match(failing.stderr, /did not complete successfully: exit code: 5\n$/);
  const nowhere = await caisson(['build', join(scratch, 'nowhere')]);
  assert.equal(nowhere.exitCode, 1);
  assert.match(nowhere.stderr, /path ".*nowhere" not found/);
});

/** What a build took over the wire for its context. */
function transferred({ stderr }: Outcome): string | undefined {
  const [, number] = /^#(\d+) \[internal\] load build context$/m.exec(stderr) ?? [];
  const line = new RegExp(`^#${number} transferring context: (\\S*) [0-9.]+s done$`, 'm');
  return line.exec(stderr)?.[1];
}

function contextOf(files: Readonly<Record<string, string>>): string {
  const context = mkdtempSync(join(scratch, 'context-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(context, path)), { recursive: true });
    writeFileSync(join(context, path), content);
  }
  return context;
}

const built = (outcome: Outcome): Outcome => {
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome;
};

test('only what changed is sent, and only what is needed is looked at', async () => {
  const context = contextOf({
    Dockerfile: 'FROM bb\nCOPY src/ /src/\nCOPY lin[k] /link\n',
    'src/a': 'a'.repeat(1000),
    'src/b': 'b'.repeat(1000),
    'unused/big': 'x'.repeat(100_000),
  });
  symlinkSync('unused', join(context, 'link'));
  writeFileSync(join(context, 'unused/small'), 'small');
  built(await caisson(['build', '-t', 'sync', context]));
  const files = await caisson(['run', '--rm', 'sync', 'sh', '-c', 'cat /src/b; ls /link']);
  assert.equal(files.stdout, `${'b'.repeat(1000)}big\nsmall\n`);

  rmSync(join(context, 'link'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nCOPY src/ /src/\n');
  assert.equal(transferred(built(await caisson(['build', context]))), '0B');
  writeFileSync(join(context, 'src/a'), 'new'.repeat(100));
  assert.equal(transferred(built(await caisson(['build', context]))), '300B');
  await engine.stop();
  await engine.start();
  writeFileSync(join(context, 'src/a'), 'newer');
  assert.equal(transferred(built(await caisson(['build', '-t', 'sync', context]))), '5B');
  const after = await caisson(['run', '--rm', 'sync', 'cat', '/src/a']);
  assert.equal(after.stdout, 'newer');
});

test('.dockerignore holds for what is sent, also that of a Dockerfile', async () => {
  const context = contextOf({
    Dockerfile: 'FROM bb\nCOPY . /all\nRUN cd /all && find . -type f | sort | xargs echo\n',
    '.dockerignore': '*\n!keep\n!deep/keep\n',
    'Other.dockerignore': 'keep\n',
    keep: 'k',
    'deep/keep': 'k',
    'deep/not': 'n',
    not: 'n',
  });
  const first = built(await caisson(['build', '--no-cache', context]));
  assert.match(first.stderr, /^#\d+ [0-9.]+ \.\/deep\/keep \.\/keep$/m);
  writeFileSync(join(context, 'Other'), readFileSync(join(context, 'Dockerfile')));
  const other = built(await caisson(['build', '--no-cache', '-f', join(context, 'Other'), context]));
  assert.match(other.stderr, /\.\/\.dockerignore \.\/Dockerfile .*\.\/deep\/keep \.\/deep\/not \.\/not$/m);
});

test('clients of both wires share the cache', async () => {
  const context = contextOf({ Dockerfile: 'FROM bb\nCOPY f /f\nRUN cat /f; date > /when\n', f: 'shared' });
  const tar = tarOf(
    { path: 'Dockerfile', content: readFileSync(join(context, 'Dockerfile'), 'utf8'), mode: 0o644 },
    { path: 'f', content: 'shared', mode: 0o644 },
  );
  chmodSync(join(context, 'f'), 0o644);
  const own = built(await caisson(['build', '-q', context]));
  const other = built(await caisson(['build', '-q', '-'], { input: tar }));
  assert.equal(own.stdout, other.stdout);
});

test('outputs: a directory, an archive, metadata', async () => {
  const context = contextOf({
    Dockerfile: 'FROM scratch\nCOPY --chmod=755 a /bin/a\nCOPY b /b\nCOPY l /l\n',
    a: 'run',
    b: '',
  });
  symlinkSync('b', join(context, 'l'));
  const out = join(scratch, 'out');
  built(await caisson(['build', '-o', out, context]));
  assert.equal(readFileSync(join(out, 'bin/a'), 'utf8'), 'run');
  assert.equal(statSync(join(out, 'bin/a')).mode & 0o777, 0o755);
  assert.equal(readFileSync(join(out, 'b'), 'utf8'), '');
  const metadata = join(scratch, 'metadata.json');
  built(await caisson(['build', '-t', 'meta', '--metadata-file', metadata, context]));
  const described: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(metadata, 'utf8'));
  assert.match(String(described['containerimage.config.digest']), /^sha256:[0-9a-f]{64}$/);
  const tar = built(await caisson(['build', '-o', `type=tar,dest=${join(scratch, 'out.tar')}`, context]));
  assert.equal(tar.stdout, '');
  assert.ok(readFileSync(join(scratch, 'out.tar')).includes('bin/a'));
  const outside = await caisson(['build', '-o', 'type=local', context]);
  assert.match(outside.stderr, /dest is required/);
});

test('secrets and named contexts; what is not given is said', async () => {
  const context = contextOf({
    Dockerfile:
      'FROM bb\nCOPY --from=more m /m\nRUN --mount=type=secret,id=file --mount=type=secret,id=var cat /run/secrets/file /run/secrets/var\n',
  });
  const more = contextOf({ m: 'm', s: 'from a file ' });
  const flags = [
    '--build-context',
    `more=${more}`,
    '--secret',
    `id=file,src=${join(more, 's')}`,
    '--secret',
    'id=var',
  ];
  const outcome = built(
    await caisson(['build', '--no-cache', ...flags, context], { env: { var: 'and a variable' } }),
  );
  assert.match(outcome.stderr, /^#\d+ [0-9.]+ from a file and a variable$/m);
  const missing = await caisson(['build', '--secret', `id=x,src=${join(more, 'none')}`, context]);
  assert.match(missing.stderr, /failed to read secret x/);
});

test('an ssh agent is a socket in the build, where the client gives one', async () => {
  const path = join(scratch, 'agent.sock');
  const agent = createServer();
  agent.listen(path);
  await once(agent, 'listening');
  const input = 'FROM bb\nRUN --mount=type=ssh,required test -S $SSH_AUTH_SOCK\n';
  built(await caisson(['build', '--no-cache', '--ssh', `default=${path}`, '-'], { input }));
  agent.close();
  const without = await caisson(['build', '--no-cache', '-'], { input });
  assert.match(without.stderr, /no SSH key "default" forwarded from the client/);
});

test('what cannot be read is said with its name', async () => {
  const context = contextOf({ Dockerfile: 'FROM bb\nCOPY none /x\n' });
  const missing = await caisson(['build', context]);
  assert.equal(missing.exitCode, 1);
  assert.match(missing.stderr, /"?\/?none"?/);
  assert.match(missing.stderr, /Dockerfile:2/);
  const broken = await caisson(['build', '-'], { input: 'FROM bb\nNONSENSE\n' });
  assert.match(broken.stderr, /unknown instruction: NONSENSE/);
});

test('--check tells what should not be written, --call what there is', async () => {
  const input = 'FROM bb AS Base\nRUN true\nENV A=$PTAH\n';
  const checked = await caisson(['build', '--check', '-'], { input });
  assert.equal(checked.exitCode, 1);
  assert.match(checked.stdout, /WARNING: StageNameCasing/);
  assert.match(checked.stdout, /1 \| >>> FROM bb AS Base/);
  assert.match(checked.stdout, /Usage of undefined variable '\$PTAH' \(did you mean \$PATH\?\)/);
  const clean = built(await caisson(['build', '--check', '-'], { input: 'FROM bb\nRUN true\n' }));
  assert.equal(clean.stdout, 'Check complete, no warnings found.\n');
  const targets = built(await caisson(['build', '--call', 'targets', '-'], { input }));
  assert.match(targets.stdout, /base \(default\)/);
  assert.match(
    built(await caisson(['build', '-'], { input })).stderr,
    /2 warnings found.*\n - StageNameCasing.*\n - UndefinedVar/,
  );
});

test('a cache that the client keeps brings back what was pruned; contexts are pruned too', async () => {
  const context = contextOf({ Dockerfile: 'FROM bb\nCOPY f /f\nRUN date > /when\n', f: 'f' });
  const cache = join(scratch, 'cache');
  const cacheTo = ['--cache-to', `type=local,dest=${cache},mode=max`];
  const first = built(await caisson(['build', '-q', '-t', 'kept', ...cacheTo, context]));
  assert.match(built(await caisson(['builder', 'df'])).stdout, /source\.local/);
  built(await caisson(['rmi', 'kept']));
  built(await caisson(['builder', 'prune', '-af']));
  assert.equal(contextBytes(), 0);
  const again = built(await caisson(['build', '-q', '--cache-from', `type=local,src=${cache}`, context]));
  assert.equal(again.stdout, first.stdout);
});

test('a client that goes away stops its build', async () => {
  const context = contextOf({ Dockerfile: `FROM bb\nRUN echo begun; exec sleep ${SLEEP_SECONDS}\n` });
  const client = spawn(process.execPath, [program, '-H', engine.host, 'build', '--no-cache', context]);
  client.stderr.setEncoding('utf8');
  try {
    let said = '';
    for await (const text of client.stderr.iterator({ destroyOnReturn: false })) {
      said += String(text);
      if (/^#\d+ [0-9.]+ begun$/m.test(said)) break;
    }
    assert.match(said, /begun/);
    await until(() => sleepers() > 0, 'the command runs');
  } finally {
    client.kill('SIGKILL');
  }
  await until(() => sleepers() === 0, 'the command is gone');
});

/** No other process sleeps as long. */
const SLEEP_SECONDS = 10_000 + process.pid;

/** Commands of builds that are running. */
function sleepers(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandLine(pid) === `sleep\u0000${SLEEP_SECONDS}\u0000`).length;
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test('rawjson is one object a line; a terminal is drawn on and left as it was', async () => {
  const input = 'FROM bb\nRUN echo shown\n';
  const raw = built(await caisson(['build', '--progress', 'rawjson', '--no-cache', '-'], { input }));
  const lines: readonly Readonly<Record<string, unknown>>[] = raw.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const logs = lines.flatMap(({ logs }) => (Array.isArray(logs) ? logs : []));
  assert.equal(Buffer.from(String(logs[0]?.data), 'base64').toString(), 'shown\n');
  const drawn = built(await caisson(['build', '--progress', 'tty', '--no-cache', '-'], { input }));
  assert.match(drawn.stderr, /FINISHED/);
  assert.equal(drawn.stderr.split('\u001b[?25l').length, drawn.stderr.split('\u001b[?25h').length);
});

/** What is kept of clients' directories. */
function contextBytes(): number {
  const directory = join(engine.root, 'builds/contexts');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return files.reduce(
    (sum, file) => sum + (statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

test('a daemon that is killed while it receives keeps what it had', async () => {
  const context = contextOf({ Dockerfile: 'FROM bb\nCOPY . /all\n', a: 'a', b: 'b' });
  built(await caisson(['build', context]));
  await engine.stop();
  await engine.start();
  writeFileSync(join(context, 'big'), Buffer.alloc(64 << 20, 'x'));
  const before = contextBytes();
  const client = spawn(process.execPath, [program, '-H', engine.host, 'build', context], { stdio: 'ignore' });
  const exited = once(client, 'exit');
  await until(() => contextBytes() >= before + (1 << 20), 'some of it has come');
  await engine.kill();
  await exited;
  await engine.start();
  rmSync(join(context, 'big'));
  writeFileSync(join(context, 'a'), 'changed');
  assert.equal(transferred(built(await caisson(['build', '-t', 'cut', context]))), '7B');
  assert.equal((await caisson(['run', '--rm', 'cut', 'cat', '/all/a', '/all/b'])).stdout, 'changedb');
});
