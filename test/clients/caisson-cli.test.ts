/** Our own command line against the engine, run from source and compiled; and against Debian's docker. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  docker,
  dockerOk,
  importBusybox,
  type Outcome,
  type RunOptions,
  runProgram,
} from '../support/docker.ts';
import { compiled, compileOwnCli, fromSource, hasBun } from '../support/own-cli.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';
import { bytePath, until } from '#base/testing.ts';

const scratch = mkdtempSync('/tmp/caisson-own-cli-');

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  await compileOwnCli();
});

afterEach(async () => {
  const ids = (await dockerOk(engine, ['ps', '-aq'])).split('\n').filter(Boolean);
  if (ids.length > 0) await dockerOk(engine, ['rm', '-f', '-v', ...ids]);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe('from source', () => suite(() => fromSource));
describe('compiled', { skip: !hasBun && 'Bun is not installed' }, () => suite(() => compiled));

function suite(command: () => readonly string[]): void {
  const line = (args: readonly string[]): readonly string[] => [...command(), '-H', engine.host, ...args];
  const caisson = (args: readonly string[], options?: RunOptions): Promise<Outcome> => {
    const [program = '', ...rest] = line(args);
    return runProgram(program, rest, options);
  };
  const ok = async (...args: readonly string[]): Promise<string> => {
    const outcome = await caisson(args);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    return outcome.stdout.replace(/\n$/, '');
  };

  const told = async (...args: readonly string[]): Promise<string> => (await caisson(args)).stderr;

  test('run: streams, standard input, exit codes', async () => {
    assert.deepEqual(await caisson(['run', '--rm', 'bb', 'sh', '-c', 'echo out; echo err >&2; exit 3']), {
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const input = Buffer.alloc(3_000_000, 'some line\n');
    const echoed = await caisson(['run', '-i', '--rm', 'bb', 'cat'], { input });
    assert.deepEqual([echoed.exitCode, echoed.stdout === input.toString()], [0, true]);
    const codes = await Promise.all(
      [
        ['bb', 'nosuch'],
        ['bb', '/etc'],
        ['--nosuch', 'bb'],
        ['--rm', 'bb', 'sh', '-c', 'exit 42'],
      ].map((words) => caisson(['run', ...words])),
    );
    assert.deepEqual(
      codes.map(({ exitCode }) => exitCode),
      [127, 126, 125, 42],
    );
    assert.match(
      codes[0]?.stderr ?? '',
      /^caisson: .*"nosuch": executable file not found.*\nIs "nosuch" in the image/,
    );
  });

  test('a life: run -d, ps, exec, logs, stop, start -a, wait, rename, rm', async () => {
    const id = await ok('run', '-d', '--name', 'life', 'bb', 'sh', '-c', 'echo born; exec sleep 1000');
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await ok('ps', '--format', '{{.Names}} {{.State}}'), 'life running');
    assert.equal(
      (await caisson(['exec', '-e', 'A=1', '-w', '/tmp', 'life', 'sh', '-c', 'pwd; exit $A'])).stdout,
      '/tmp\n',
    );
    assert.equal((await caisson(['exec', 'life', 'sh', '-c', 'exit 9'])).exitCode, 9);
    await until(async () => (await ok('logs', 'life')) === 'born', 'its output is logged');
    assert.equal(await ok('stop', '-t', '0', 'life'), 'life');
    assert.equal(await ok('wait', 'life'), '137');
    await ok('rename', 'life', 'after');
    assert.match(await ok('inspect', '-f', '{{.Name}} {{.State.Status}}', 'after'), /^\/after exited$/);
    assert.equal(await ok('rm', 'after'), 'after');
  });

  test('signals go to the container', async () => {
    const [program = '', ...rest] = line([
      'run',
      '--rm',
      'bb',
      'sh',
      '-c',
      'trap "exit 9" INT; echo up; while :; do sleep 0.1; done',
    ]);
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGINT'));
    const exitCode = await new Promise((resolve) => child.on('exit', resolve));
    assert.equal(exitCode, 9);
  });

  test('a reader that goes away ends the program', async () => {
    const command = line(['run', '--rm', '--name', 'endless', 'bb', 'yes']).map((word) => `'${word}'`);
    const { stdout, stderr } = await runProgram('bash', [
      '-c',
      `${command.join(' ')} | head -1; echo "\${PIPESTATUS[0]}"`,
    ]);
    assert.equal(stdout, 'y\n141\n');
    assert.match(
      stderr,
      /^caisson: nothing reads this output any more\. Container (\w{12}) goes on: .*"caisson stop \1"/,
    );
    const short = line(['run', '--rm', 'bb', 'echo', 'short']).map((word) => `'${word}'`);
    const ended = await runProgram('bash', ['-c', `exec 3>&1; ${short.join(' ')} | exec true`]);
    assert.deepEqual([ended.stdout, ended.stderr], ['', '']);
  });

  test('a terminal: size, resize, detach, attach, exit code', async () => {
    using terminal = Terminal.open(line(['run', '-it', '--name', 'shell', 'bb', 'sh']), {
      rows: 30,
      columns: 100,
    });
    await terminal.until(/# /);
    terminal.type('stty size\r');
    await terminal.until(/30 100/);
    terminal.resize(40, 120);
    await terminal.untilSize(40, 120);
    terminal.type('\u0010');
    terminal.type('\u0011');
    assert.equal(await terminal.exitCode(), 0);
    using again = Terminal.open(line(['attach', 'shell']));
    again.type('echo ag$((1))in\r');
    await again.until(/ag1in/);
    again.type('exit 5\r');
    assert.equal(await again.exitCode(), 5);
    using cat = Terminal.open(line(['run', '--rm', '-it', 'bb', 'sh', '-c', 'echo ready; cat']));
    await cat.until(/ready/);
    cat.type('\u0004');
    assert.equal(await cat.exitCode(), 0);
  });

  test('cp: in, out, streams', async () => {
    await ok('create', '--name', 'files', 'bb', 'true');
    const tree = join(scratch, 'tree');
    mkdirSync(join(tree, 'inner'), { recursive: true });
    writeFileSync(join(tree, 'inner/file'), 'content');
    await ok('cp', tree, 'files:/tmp');
    await ok('cp', `${tree}/.`, 'files:/tmp/new');
    const target = mkdtempSync(join(scratch, 'out-'));
    await ok('cp', 'files:/tmp/tree', target);
    await ok('cp', 'files:/tmp/new/inner/file', join(target, 'renamed'));
    assert.equal(readFileSync(join(target, 'tree/inner/file'), 'utf8'), 'content');
    assert.equal(readFileSync(join(target, 'renamed'), 'utf8'), 'content');
    const [program = '', ...rest] = line(['cp', 'files:/tmp/tree/inner', '-']);
    const listed = await runProgram('bash', ['-c', '"$0" "$@" | tar -t', program, ...rest]);
    assert.equal(listed.stdout, 'inner/\ninner/file\n');
    assert.equal((await caisson(['cp', 'files:/nosuch', target])).exitCode, 1);
    await ok('run', '--name', 'pipe', 'bb', 'mkfifo', '-m', '640', '/tmp/fifo');
    await ok('cp', 'pipe:/tmp/fifo', target);
    const fifo = lstatSync(join(target, 'fifo'));
    assert.deepEqual([fifo.isFIFO(), fifo.mode & 0o777], [true, 0o640]);
    const names = mkdtempSync(join(scratch, 'names-'));
    for (const name of ['\xff', '\xfe']) writeFileSync(bytePath(names, name), name);
    await ok('cp', names, 'files:/tmp/names');
    await ok('cp', 'files:/tmp/names', target);
    for (const name of ['\xff', '\xfe'])
      assert.equal(readFileSync(bytePath(join(target, 'names'), name), 'utf8'), name);
  });

  test('images: import, tag, save, load, rmi, history', async () => {
    const archive = join(scratch, `image-${process.hrtime.bigint()}.tar`);
    await ok('tag', 'bb', 'own/name:1');
    await ok('save', '-o', archive, 'own/name:1');
    assert.equal(await ok('rmi', 'own/name:1'), 'Untagged: own/name:1');
    assert.equal(await ok('load', '-i', archive), 'Loaded image: own/name:1');
    assert.equal(
      (await caisson(['load', '-q'], { input: readFileSync(archive) })).stdout,
      'Loaded image: own/name:1\n',
    );
    await ok('create', '--name', 'root', 'bb', 'true');
    const exported = join(scratch, `root-${process.hrtime.bigint()}.tar`);
    await ok('export', '-o', exported, 'root');
    const id = await ok('import', '-c', 'CMD ["echo","imported"]', exported, 'own/imported');
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await ok('run', '--rm', 'own/imported'), 'imported');
    await ok('rmi', 'own/imported', 'own/name:1');
  });

  test('failures say what is wrong and what may help', async () => {
    await ok('create', '--name', 'webserver', 'bb', 'true');
    assert.match(
      await told('start', 'webservr'),
      /^caisson: No such container: webservr\nDid you mean "webserver"\?/,
    );
    assert.match(
      await told('imgaes'),
      /'imgaes' is not a caisson command\.\n\nDid you mean:\n {2}caisson images/,
    );
    assert.match(await told('ps', '--al'), /unknown flag: --al\nDid you mean --all\?/);
    assert.match(
      await told('ps', '-a', '--format', '{{.Nmae}}'),
      /Cannot use this --format: no field "Nmae" here; there are: ID, /,
    );
    assert.match(
      await told('create', '--name', 'webserver', 'bb', 'true'),
      /already in use.*\nFree the name with "caisson rm -f webserver"/,
    );
    const noDaemon = await runProgram(command()[0] ?? '', [
      ...command().slice(1),
      '-H',
      'unix:///nonexistent/s',
      'ps',
    ]);
    assert.match(
      noDaemon.stderr,
      /Cannot connect to the engine at unix:\/\/\/nonexistent\/s: nothing listens there/,
    );
  });

  test('what it prints is what docker prints', async () => {
    await ok(
      'run',
      '-d',
      '--name',
      'one',
      '-l',
      'a=b',
      '-v',
      'compared:/data',
      'bb',
      'sh',
      '-c',
      'echo "a > b"; sleep 1000',
    );
    await until(async () => (await ok('logs', 'one')) === 'a > b', 'its output is logged');
    await ok('create', '--name', 'two', '--network', 'none', '--expose', '99', 'bb', 'true');
    const lines: readonly (readonly string[])[] = [
      [
        'ps',
        '-a',
        '--format',
        'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.Ports}}\t{{.Names}}\t{{.Label "a"}}',
      ],
      ['ps', '-aq', '--no-trunc'],
      ['ps', '-a', '--format', '{{json .Names}} {{.Mounts}} {{.Networks}} {{.State}}'],
      ['images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}'],
      ['images', '-q', '--no-trunc'],
      ['history', '--no-trunc', '--format', '{{.ID}} {{.Size}} {{.Comment}}', 'bb'],
      ['inspect', 'two'],
      ['inspect', '-f', '{{json .Config}} {{.HostConfig.Memory}} {{.Config.Cmd}}', 'one'],
      ['inspect', '-f', '{{range .Mounts}}{{.Destination}}{{end}} {{index .Config.Labels "a"}}', 'one'],
      ['inspect', 'nosuch'],
      ['image', 'inspect', 'bb'],
      ['volume', 'ls'],
      ['network', 'ls', '--no-trunc'],
      ['system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}'],
      ['logs', '-t', 'one'],
      ['port', 'one'],
      ['ps', '--bogus'],
      ['ps', 'a', 'b'],
    ];
    // What the two ask for has the fields of one version.
    const sameVersion = { DOCKER_API_VERSION: '1.45' };
    for (const args of lines) {
      const [own, theirs] = [await caisson(args, { env: sameVersion }), await docker(engine, args)];
      assert.deepEqual([own.stdout, own.exitCode], [theirs.stdout, theirs.exitCode], args.join(' '));
    }
    await ok('rm', '-f', 'one', 'two');
    await dockerOk(engine, ['volume', 'rm', 'compared']);
  });
}
