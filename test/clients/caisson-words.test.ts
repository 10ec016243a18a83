/** What users write in formats and flags means what it means to Docker's command line. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { docker, dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { fromSource } from '../support/own-cli.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
let began: string;

before(async () => {
  began = String(Math.floor(Date.now() / 1000) - 1);
  engine = await startSubject();
  await importBusybox(engine);
  await dockerOk(engine, ['create', '--name', 'one', '-l', 'a=b', '-v', 'data:/data', 'bb', 'true']);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

function caisson(args: readonly string[]): Promise<Outcome> {
  const [program = '', ...words] = fromSource;
  return runProgram(program, [...words, '-H', engine.host, ...args]);
}

test('formats have Go’s names for what JSON names otherwise', async () => {
  const until = String(Math.floor(Date.now() / 1000) + 1);
  for (const args of [
    ['version', '-f', '{{.Server.APIVersion}} {{.Server.KernelVersion}} {{.Server.MinAPIVersion}}'],
    ['version', '-f', '{{.Client.GitCommit | len | gt 1000}} {{.Client.Context}}'],
    [
      'events',
      '--since',
      began,
      '--until',
      until,
      '--format',
      '{{.Status}} {{.ID}} {{.From}} {{.Time}} {{.TimeNano}}',
    ],
    ['info', '-f', '{{.CPUCfsPeriod}} {{.CPUCfsQuota}} {{.CPUShares}} {{.ID}} {{.NCPU}}'],
    ['inspect', '-f', '{{.ID}}', 'one'],
    [
      'inspect',
      '-f',
      '{{define "n"}}<{{.}}>{{end}}{{template "n" .Name}}{{block "b" .Path}}[{{$}}]{{end}}',
      'one',
    ],
    ['ps', '-a', '--format', String.raw`{{js "a'b\"<&="}} {{.Names}}`],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], `${args.join(' ')}: ${own.stderr}`);
  }
});

test('--format raw', async () => {
  for (const args of [
    ['ps', '-a', '--format', 'raw'],
    ['ps', '-a', '-s', '--format', 'raw'],
    ['images', '--format', 'raw'],
    ['images', '--digests', '--format', 'raw'],
    ['volume', 'ls', '--format', 'raw'],
    ['network', 'ls', '--format', 'raw'],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], args.join(' '));
  }
});

test('what Docker refuses before it asks the engine is refused', async () => {
  for (const args of [
    ['pull', '-a', 'x:tag'],
    ['create', '--sysctl', 'key', 'bb'],
    ['create', '-l', '=x', 'bb'],
    ['network', 'create', '--label', '=x', 'n'],
    ['run', '--rm', '--device', 'x', 'bb', 'true'],
    ['inspect', '-f', '{{', 'one'],
    ['container'],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual(
      [own.exitCode, own.stdout],
      [theirs.exitCode, theirs.stdout],
      `${args.join(' ')}: ${own.stderr}`,
    );
    assert.notEqual(own.stderr, '');
  }
});

test('a template that runs itself, or none, is refused', async () => {
  for (const format of ['{{define "n"}}{{template "n"}}{{end}}{{template "n"}}', '{{template "none"}}']) {
    const { exitCode, stderr } = await caisson(['ps', '-a', '--format', format]);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /Cannot use this --format: (exceeded maximum template depth|template "none" is not defined)/,
    );
  }
});

test('a mistake says what helps', async () => {
  const { stderr } = await caisson(['run', '--rm', '--network', 'nosuch', 'bb', 'true']);
  assert.match(stderr, /caisson network create nosuch/);
});

test('without permission the way to it is told, not how to start what runs', async () => {
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', ...fromSource];
  const { exitCode, stderr } = await runProgram('setpriv', [...nobody, '-H', engine.host, 'ps']);
  assert.equal(exitCode, 1);
  assert.match(stderr, /permission denied[^]*Use sudo, or join the group/);
});
