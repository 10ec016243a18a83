/** `caisson build` against the engine. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox, type Outcome, type RunOptions, runProgram } from '../support/docker.ts';

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
  assert.match(built.stdout, /^Step 1\/6 : FROM bb\n/);
  assert.match(built.stdout, /Successfully tagged one:latest\nSuccessfully tagged two:2\n$/);
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
  assert.match(failing.stdout, /last words/);
  assert.match(failing.stderr, /returned a non-zero code: 5/);
  const nowhere = await caisson(['build', join(scratch, 'nowhere')]);
  assert.equal(nowhere.exitCode, 1);
  assert.match(nowhere.stderr, /path ".*nowhere" not found/);
});
