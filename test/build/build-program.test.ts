/** `caisson/build`: builds as programs, on the solver and the cache that Dockerfiles have. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  bind,
  build,
  cache,
  copy,
  type BuildOptions,
  from,
  local,
  run,
  scratch,
  secret,
  type State,
} from 'caisson/build';
import { program } from '../../examples/build-program/build.ts';
import { BuildEngine, cachedSteps } from '../support/build-engine.ts';
import { meet } from './meeting.ts';

const engine = await BuildEngine.forTests();
const { directory: scratchDirectory } = engine;

function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(scratchDirectory, 'files-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

async function buildState(state: State, options: BuildOptions = {}) {
  const events: Parameters<NonNullable<BuildOptions['onEvent']>>[0][] = [];
  const result = await build(engine.engine, state, {
    network: 'none',
    ...options,
    onEvent: (event) => events.push(event),
  });
  return { ...result, cached: cachedSteps(events) };
}

/** What `files` of the state have, as text. */
async function filesOf(state: State, ...files: readonly string[]): Promise<readonly string[]> {
  const destination = mkdtempSync(join(scratchDirectory, 'out-'));
  await buildState(state, { outputs: [{ type: 'local', destination }] });
  return files.map((file) => readFileSync(join(destination, file), 'utf8'));
}

const dockerfileText = (text: string) =>
  `FROM bb\nRUN echo ${text} > /made\nCOPY a /a\nWORKDIR /work\nENV X=y\nRUN cat /a /made > both\n`;

test('a Dockerfile is CACHED after the equal program, and the other way round', async () => {
  const directory = directoryOf({ a: 'content' });
  const state = (text: string) =>
    from('bb')
      .run(`echo ${text} > /made`)
      .copy({ from: local(directory), paths: 'a', to: '/a' })
      .workdir('/work')
      .env({ X: 'y' })
      .run('cat /a /made > both');
  const files = [{ path: 'a', content: 'content', mode: 0o644 }];
  const programFirst = await buildState(state('one'));
  const dockerfileSecond = await engine.build({ dockerfileText: dockerfileText('one'), files });
  assert.equal(dockerfileSecond.cachedSteps, 4);
  assert.equal(programFirst.cached, 0);
  const dockerfileFirst = await engine.build({ dockerfileText: dockerfileText('two'), files });
  assert.equal(dockerfileFirst.cachedSteps, 0);
  assert.equal((await buildState(state('two'))).cached, 4);
});

test('branches run at the same time, and what they share runs once', async () => {
  const base = from('bb').run('cat /proc/sys/kernel/random/uuid > /shared');
  const branch = (own: string, other: string) =>
    base.run(`${meet('/meeting', own, other)}; echo met ${other} > /met`, { mounts: [cache('/meeting')] });
  const branches = { one: branch('one', 'two'), two: branch('two', 'one') };
  const result = scratch().with(
    ...Object.entries(branches).flatMap(([name, from]) => [
      copy({ from, paths: '/met', to: `/${name}` }),
      copy({ from, paths: '/shared', to: `/shared-${name}` }),
    ]),
  );
  const [one, two, first, second] = await filesOf(result, 'one', 'two', 'shared-one', 'shared-two');
  assert.deepEqual([one, two], ['met two\n', 'met one\n']);
  assert.equal(first, second);
});

test('directories: ignore files, patterns, links; mounts; secrets; merges', async () => {
  const directory = directoryOf({
    '.dockerignore': '*.log\n',
    'a.log': '',
    'b.tmp': '',
    'src/main.c': 'main',
    'src/other.txt': 'other',
  });
  symlinkSync('src/main.c', join(directory, 'link'));
  const files = local(directory, { ignore: ['*.tmp'] });
  const made = scratch().copy({ from: files, paths: 'src/*.c', to: '/c/', mode: '0600' });
  const state = from('bb')
    .copy({ from: files, to: '/all/' })
    .run('cat /mounted/c/main.c > /from-mount', { mounts: [bind('/mounted', { from: made })] })
    .run('test "$TOKEN" = s3cret && echo yes > /told', {
      mounts: [secret('token', { env: 'TOKEN', required: true })],
    })
    .run('cd /all; find . | sort | xargs > /list')
    .merge(made, scratch().copy({ from: files, paths: 'link', to: '/linked' }));
  const destination = mkdtempSync(join(scratchDirectory, 'out-'));
  const outputs = [{ type: 'local', destination }] as const;
  await buildState(state, { outputs, secrets: { token: 's3cret' } });
  const read = (name: string) => readFileSync(join(destination, name), 'utf8').trim();
  assert.equal(read('list'), '. ./.dockerignore ./link ./src ./src/main.c ./src/other.txt');
  assert.deepEqual([read('from-mount'), read('told'), read('c/main.c')], ['main', 'yes', 'main']);
  assert.equal(read('linked'), 'main');
});

test('the configuration is what the state says', async () => {
  const state = from('bb')
    .env({ PRICE: '$5 "net" \\' })
    .user('user')
    .expose(80)
    .volume('/data')
    .label({ key: 'two words' })
    .healthcheck(['true'], { intervalSeconds: 2 })
    .entrypoint(['echo'])
    .cmd(['a', 'b c']);
  await buildState(state, { tag: ['config:1', 'config:2'] });
  const { config } = (await engine.engine.images.inspect('config:2')).config;
  assert.deepEqual(config.Env?.slice(1), ['PRICE=$5 "net" \\']);
  assert.equal(config.User, 'user');
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}), ['80/tcp']);
  assert.deepEqual(config.Labels, { key: 'two words' });
  assert.deepEqual(config.Healthcheck, { Test: ['CMD', 'true'], Interval: 2_000_000_000 });
  assert.deepEqual([config.Entrypoint, config.Cmd], [['echo'], ['a', 'b c']]);
});

test('what fails is said, and leaves the steps before in the cache', async () => {
  const failing = from('bb').run('echo before > /before').run('exit 7');
  await assert.rejects(buildState(failing), /exit 7.*exit code 7/);
  const { cached } = await buildState(from('bb').with(run('echo before > /before')));
  assert.equal(cached, 1);
  await assert.rejects(buildState(scratch().copy({ from: local('/nowhere'), to: '/' })), /nowhere/);
  const stopped = AbortSignal.timeout(300);
  await assert.rejects(buildState(from('bb').run('sleep 60'), { signal: stopped }));
});

test('a cache in a directory, for an engine that has none of it', async () => {
  const dest = mkdtempSync(join(scratchDirectory, 'cache-'));
  const state = from('bb').run('cat /proc/sys/kernel/random/uuid > /kept').run('true');
  await buildState(state, { cacheTo: [{ type: 'local', attributes: { dest, mode: 'max' } }] });
  await using other = await BuildEngine.start();
  await other.importBusybox();
  const events: Parameters<NonNullable<BuildOptions['onEvent']>>[0][] = [];
  const cacheFrom = [{ type: 'local', attributes: { src: dest } }] as const;
  await build(other.engine, state, { cacheFrom, network: 'none', onEvent: (event) => events.push(event) });
  assert.equal(cachedSteps(events), 2);
});

test('options are what docker build knows them as', async () => {
  const random = from('bb').run('cat /proc/sys/kernel/random/uuid > /uuid');
  const [first] = await filesOf(random, 'uuid');
  assert.deepEqual(await filesOf(random, 'uuid'), [first]);
  assert.equal((await buildState(random, { noCache: true })).cached, 0);

  await buildState(scratch().label({ own: '1' }), { tag: 'labelled', labels: { given: '2' } });
  const { config } = (await engine.engine.images.inspect('labelled')).config;
  assert.deepEqual(config.Labels, { own: '1', given: '2' });

  const mounting = from('bb').run('mkdir /m && mount -t tmpfs none /m && umount /m', {
    security: 'insecure',
  });
  await assert.rejects(buildState(mounting), /security\.insecure is not allowed/);
  await buildState(mounting, { allow: ['security.insecure'] });

  const destination = mkdtempSync(join(scratchDirectory, 'out-'));
  const platforms = ['linux/amd64', 'linux/arm64'];
  const shared = scratch().copy({ from: local(directoryOf({ f: 'same' })), to: '/' });
  await buildState(shared, { platforms, outputs: [{ type: 'local', destination }] });
  for (const name of ['linux_amd64/f', 'linux_arm64/f'])
    assert.equal(readFileSync(join(destination, name), 'utf8'), 'same');
  await assert.rejects(buildState(scratch(), { outputs: [{ type: 'local' }] }), /it needs a destination/);
});

const python = (code: string) => execFileSync('python3', ['-c', `import os\n${code}`]);

test('names that are no text and attributes go in and come out', async () => {
  const directory = directoryOf({ plain: 'text' });
  python(
    `os.chdir('${directory}'); os.rename('plain', b'caf\\xe9'); os.setxattr(b'caf\\xe9', 'user.n', b'v')`,
  );
  const destination = mkdtempSync(join(scratchDirectory, 'out-'));
  const state = scratch().copy({ from: local(directory), to: '/' });
  await buildState(state, { outputs: [{ type: 'local', destination }] });
  python(`os.chdir('${destination}'); assert os.getxattr(b'caf\\xe9', 'user.n') == b'v'`);
});

test('what README shows works', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, names = '', code = ''] =
    /```ts\nimport \{ ([^}]*) \} from 'caisson\/build';\n(.*?)```/s.exec(readme) ?? [];
  const all = { build, from, scratch };
  assert.deepEqual(names.split(', ').toSorted(), Object.keys(all).toSorted());
  await engine.importBusybox('debian:trixie');
  await runInNewContext(`(async () => {${code}})()`, { ...all, engine: engine.engine, console });
  const answers = from('answers');
  assert.deepEqual(await filesOf(answers, 'answers/sum', 'answers/rest'), ['5\n', '1\n']);
});

test('the example builds', async () => {
  const [page, sum, product, rest] = await filesOf(
    program(from('bb').run('mkdir -p /var/cache')),
    'www/index.html',
    'values/sum.txt',
    'values/product.txt',
    'values/rest.txt',
  );
  assert.match(page ?? '', /Built by a program/);
  assert.deepEqual([sum, product, rest], ['5\n', '6\n', '1\n']);
});
