/** What docs/build-program.md shows, run as it is written; and what is promised beside it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import * as program from 'caisson/build';
import { BuildEngine } from '../support/build-engine.ts';

let engine: BuildEngine;
let server: Server;
let origin = '';
const scratch = mkdtempSync('/tmp/caisson-program-docs-');
const home = process.cwd();

before(async () => {
  engine = await BuildEngine.start();
  await engine.importBusybox('debian:trixie');
  for (const [path, content] of [
    ['site/index.html', 'index\n'],
    ['site/draft.tmp', 'draft'],
    ['site/css/deep/a.css', 'css\n'],
  ] as const) {
    mkdirSync(join(scratch, path, '..'), { recursive: true });
    writeFileSync(join(scratch, path), content);
  }
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(scratch, 'id_ed25519')]);
  makeRepository();
  server = createServer(({ url = '' }, response) => {
    try {
      response.end(readFileSync(join(scratch, 'served', url.split('?')[0] ?? '')));
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  // Relative paths of the examples are the reader's.
  process.chdir(scratch);
});

after(async () => {
  process.chdir(home);
  server.closeAllConnections();
  server.close();
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

function makeRepository(): void {
  const work = join(scratch, 'work');
  mkdirSync(join(work, 'sub'), { recursive: true });
  writeFileSync(join(work, 'sub/main.c'), 'main\n');
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  git('tag', 'v1');
  git('clone', '-q', '--bare', '.', join(scratch, 'served/app.git'));
  execFileSync('git', ['-C', join(scratch, 'served/app.git'), 'update-server-info']);
  writeFileSync(join(scratch, 'served/release.tar'), 'released\n');
}

const blocks = [
  ...readFileSync(join(import.meta.dirname, '../../docs/build-program.md'), 'utf8').matchAll(
    /```ts\n(import \{ ([^}]*) \} from 'caisson\/build';\n(.*?))```/gs,
  ),
].map(([, text = '', names = '', code = '']) => ({ text, names: names.split(', '), code }));

/** A machine may be slower than what is written there. */
const PATIENT = { timeout: (ms: number) => AbortSignal.timeout(5 * ms) };

/** Runs the example that has this in it. @returns the value of an expression at its end */
async function example(mark: string, expression = 'undefined'): Promise<unknown> {
  const found = blocks.filter(({ text }) => text.includes(mark));
  assert.equal(found.length, 1, mark);
  const [{ names, code } = { names: [], code: '' }] = found;
  const exported: Readonly<Record<string, unknown>> = program;
  const imported = names.filter((name) => !name.startsWith('type '));
  for (const name of imported) assert.ok(exported[name] !== undefined, name);
  const scope = Object.fromEntries(imported.map((name) => [name, exported[name]]));
  const stripped = stripTypeScriptTypes(`(async () => {${code.replaceAll('https://example.org', origin)}
    return ${expression};})()`);
  const result: Promise<unknown> = runInNewContext(stripped, {
    ...scope,
    engine: engine.engine,
    AbortSignal: PATIENT,
  });
  return await result;
}

async function filesOf(reference: string): Promise<string> {
  const destination = mkdtempSync(join(scratch, 'files-'));
  await program.build(engine.engine, program.from(reference), { outputs: [{ type: 'local', destination }] });
  return destination;
}

test('an image with two names', async () => {
  const references = await example("tag: ['app', 'app:1']", 'JSON.stringify(references)');
  assert.deepEqual(JSON.parse(String(references)), ['app:latest', 'app:1']);
  const { config } = (await engine.engine.images.inspect('app:1')).config;
  assert.deepEqual([config.WorkingDir, config.Cmd], ['/srv', ['cat', '/greeting']]);
});

test('workers from one function', async () => {
  await example('function worker');
  const files = await filesOf('page');
  assert.equal(readFileSync(join(files, 'out/all'), 'utf8'), '1\n5\n');
  assert.equal(readFileSync(join(files, 'values/product'), 'utf8'), '6\n');
});

test('files from everywhere', async () => {
  await example('.copy({ from: git(');
  const read = (path: string) => readFileSync(join(scratch, 'out', path), 'utf8');
  assert.deepEqual(
    ['www/index.html', 'kept/css/deep/a.css', 'tool/lib/a', 'release.tar', 'source/main.c'].map(read),
    ['index\n', 'css\n', 'tool\n', 'released\n', 'main\n'],
  );
  assert.equal(statSync(join(scratch, 'out/www/index.html')).mode & 0o777, 0o644);
  const absent = ['www/draft.tmp', 'tool/b.o'];
  for (const path of absent)
    assert.equal(statSync(join(scratch, 'out', path), { throwIfNoEntry: false }), undefined);
});

test('mounts, secrets and keys', async () => {
  await example('secret(');
  const files = await filesOf('built');
  assert.equal(readFileSync(join(files, 'index'), 'utf8'), 'index\n');
  assert.equal(readFileSync(join(files, 'size'), 'utf8').trim(), '6');
  const mounts = [program.ssh({ required: true })];
  const missing = program.from('debian:trixie').run('test -S $SSH_AUTH_SOCK', { mounts });
  const key = { ssh: { default: join(scratch, 'id_ed25519') } };
  await program.build(engine.engine, missing, { noCache: true, ...key });
  await assert.rejects(program.build(engine.engine, missing, { noCache: true }), /no SSH key "default"/);
  const wrong = { ssh: { default: join(scratch, 'site/index.html') } };
  await assert.rejects(program.build(engine.engine, missing, wrong), /index\.html: it is no private key/);
});

test('results, attestations, caches', async () => {
  await example("type: 'oci'");
  const list = execFileSync('tar', ['-tf', join(scratch, 'files.tar')], { encoding: 'utf8' });
  assert.ok(list.split('\n').includes('busybox'), list);
  const index = execFileSync('tar', ['-xOf', join(scratch, 'result.tar'), 'index.json'], {
    encoding: 'utf8',
  });
  assert.match(index, /org\.opencontainers\.image\.ref\.name/);
  const { config } = await engine.engine.images.inspect('result');
  assert.match(config.created ?? '', /^1970-01-01T00:00:00/);
});

test('what is said, and why it failed', async () => {
  const outcome = await example('exit 3', 'JSON.stringify([said.join(""), reason])');
  const [said, reason]: readonly string[] = JSON.parse(String(outcome));
  assert.equal(said, 'reason\n');
  assert.match(reason ?? '', /exit 3.*exit code 3/);
});
