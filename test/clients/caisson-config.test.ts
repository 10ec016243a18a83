/** What Docker's client configuration and contexts say holds for our command line: it is honoured, or refused. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { fromSource } from '../support/own-cli.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';

const scratch = mkdtempSync('/tmp/caisson-config-');

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

type Variables = Readonly<Record<string, string>>;

function run(program: readonly string[], directory: string, args: readonly string[], more: Variables = {}) {
  const variables = Object.entries({ DOCKER_CONFIG: directory, ...more }).map(
    ([name, text]) => `${name}=${text}`,
  );
  const unset = ['DOCKER_HOST', 'CAISSON_HOST', 'DOCKER_CONTEXT'].flatMap((name) => ['-u', name]);
  return runProgram('env', [...unset, ...variables, ...program, ...args]);
}

function caisson(directory: string, args: readonly string[], more: Variables = {}): Promise<Outcome> {
  return run(fromSource, directory, args, { CAISSON_NO_AUTOSTART: '1', ...more });
}

/** Runs a command on this engine, whatever the configuration says about others. */
function here(directory: string, ...args: readonly string[]): Promise<Outcome> {
  return caisson(directory, ['-H', engine.host, ...args]);
}

function configured(config: object | string): string {
  const directory = mkdtempSync(join(scratch, 'config-'));
  writeFileSync(join(directory, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return directory;
}

test('a context that does not exist is refused, wherever it is named', async () => {
  const directory = configured({ currentContext: 'nope' });
  const empty = configured({});
  const outcomes = [
    await caisson(empty, ['--context', 'nope', 'version']),
    await caisson(empty, ['--context', 'nope', 'ps']),
    await caisson(empty, ['ps'], { DOCKER_CONTEXT: 'nope' }),
    await caisson(directory, ['ps']),
    await caisson(empty, ['--config', directory, 'ps']),
  ];
  for (const { exitCode, stdout, stderr } of outcomes) {
    assert.deepEqual([exitCode, stdout], [1, '']);
    assert.match(stderr, /Cannot use context "nope": context not found/);
  }
  const both = await caisson(empty, ['--context', 'nope', '-H', engine.host, 'ps']);
  assert.deepEqual(
    [both.exitCode, both.stderr],
    [1, 'conflicting options: either specify --host or --context, not both\n'],
  );
});

test('a context made by either command line leads both to its engine', async () => {
  for (const [maker, user] of [
    [fromSource, ['docker']],
    [['docker'], fromSource],
  ] as const) {
    const directory = configured({ HttpHeaders: { 'X-Kept': '1' }, unknown: [1] });
    const made = await run(maker, directory, ['context', 'create', 'far', '--docker', `host=${engine.host}`]);
    assert.deepEqual(
      [made.exitCode, made.stdout, made.stderr],
      [0, 'far\n', 'Successfully created context "far"\n'],
    );
    const named = await run(user, directory, ['--context', 'far', 'images', '--format', '{{.Repository}}']);
    assert.equal(named.stdout, 'bb\n', named.stderr);
    assert.equal((await run(maker, directory, ['context', 'use', 'far'])).exitCode, 0);
    const used = await run(user, directory, ['images', '--format', '{{.Repository}}']);
    assert.equal(used.stdout, 'bb\n', used.stderr);
    const kept = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
    assert.deepEqual([kept.currentContext, kept.HttpHeaders], ['far', { 'X-Kept': '1' }]);
    assert.equal((await run(user, directory, ['context', 'rm', 'far'])).exitCode, 1);
    assert.equal((await run(user, directory, ['context', 'rm', '-f', 'far'])).exitCode, 0);
    assert.equal((await run(maker, directory, ['context', 'show'])).stdout, 'default\n');
  }
});

test('the context commands print what docker prints', async () => {
  const directory = configured({});
  const docker = (...args: readonly string[]) => run(['docker'], directory, args);
  await docker('context', 'create', 'aa', '--description', 'hey', '--docker', 'host=tcp://192.0.2.1:5');
  await docker('context', 'create', 'bb', '--docker', 'host=tcp://192.0.2.1:6,skip-tls-verify=true');
  for (const args of [
    ['context', 'inspect', 'aa', 'bb'],
    ['context', 'inspect', '-f', '{{.Name}} {{.Endpoints.docker.Host}}', 'aa'],
    ['context', 'inspect', 'nope'],
    ['context', 'show'],
    ['--context', 'bb', 'context', 'show'],
    ['context', 'ls', '-q'],
    ['context', 'ls', '--format', '{{.Name}} {{.Description}} {{.Current}} [{{.Error}}]'],
    ['--context', 'aa', 'context', 'ls', '--format', '{{.Name}} {{.Current}}'],
    ['context', 'create', 'default'],
    ['context', 'create', 'b/d'],
    ['context', 'create', 'aa'],
    ['context', 'rm', 'aa', '--force'],
    ['context', 'use', 'aa'],
    ['context', 'use', 'bb'],
    ['context', 'use', 'default'],
    ['context', 'rm', 'default', '-f'],
  ]) {
    const before = JSON.stringify(readdirSync(join(directory, 'contexts/meta')));
    const own = await caisson(directory, args);
    if (args[1] === 'rm' && own.exitCode === 0)
      await docker('context', 'create', 'aa', '--description', 'hey', '--docker', 'host=tcp://192.0.2.1:5');
    assert.equal(JSON.stringify(readdirSync(join(directory, 'contexts/meta'))), before, args.join(' '));
    const theirs = await docker(...args);
    assert.deepEqual([own.exitCode, own.stdout], [theirs.exitCode, theirs.stdout], args.join(' '));
  }
});

test('TLS material is copied into a context, and from one context to another', async () => {
  const directory = configured({});
  const pem = join(directory, 'any.pem');
  writeFileSync(pem, 'not really a certificate');
  const made = `host=tcp://127.0.0.1:1,ca=${pem},cert=${pem},key=${pem}`;
  await caisson(directory, ['context', 'create', 'tls', '--docker', made]);
  rmSync(pem);
  const names = ['context', 'inspect', '-f', '{{json .TLSMaterial}}', 'tls'];
  const [own, theirs] = [await caisson(directory, names), await run(['docker'], directory, names)];
  assert.deepEqual([own.stdout, own.exitCode], [theirs.stdout, 0]);
  await caisson(directory, ['context', 'create', 'copy', '--from', 'tls']);
  const copied = await run(['docker'], directory, [...names.slice(0, -1), 'copy']);
  assert.equal(copied.stdout, theirs.stdout);
});

test('rm -f of what is not there is no failure, for containers, images, networks and volumes', async () => {
  const directory = configured({});
  for (const args of [
    ['rm', '-f', 'missing'],
    ['rm', 'missing'],
    ['rmi', '-f', 'missing'],
    ['network', 'rm', '-f', 'missing'],
    ['volume', 'rm', '-f', 'missing'],
  ]) {
    const own = await here(directory, ...args);
    const theirs = await run(['docker'], directory, ['-H', engine.host, ...args]);
    assert.deepEqual([own.exitCode, own.stdout], [theirs.exitCode, theirs.stdout], args.join(' '));
  }
});

test('a configuration that cannot be used is told, and is not written over', async () => {
  for (const text of ['{bad', '[]', '{"psFormat": 5}']) {
    const directory = configured(text);
    const { exitCode, stderr } = await here(directory, 'ps', '-q');
    assert.equal(exitCode, 0);
    assert.match(stderr, /^WARNING: Error loading config file: \/tmp\/\S+\/config\.json: .+\n$/);
    assert.equal((await here(directory, 'context', 'use', 'default')).exitCode, 1);
    assert.equal(readFileSync(join(directory, 'config.json'), 'utf8'), text);
  }
});

test('formats, proxies and the default platform are taken from where docker takes them', async () => {
  const proxies = { default: { httpProxy: 'http://proxy:1', noProxy: 'a,b' } };
  const config = configured({ proxies, psFormat: 'P {{.Names}}', volumesFormat: 'V {{.Name}}' });
  const docker = (...args: readonly string[]) => run(['docker'], config, ['-H', engine.host, ...args]);
  await dockerOk(engine, ['create', '--name', 'listed', '-v', 'listed:/x', 'bb', 'true']);
  for (const args of [
    ['ps', '-a'],
    ['volume', 'ls'],
    ['run', '--rm', 'bb', 'sh', '-c', 'env | grep -i proxy | sort'],
    [
      'run',
      '--rm',
      '-e',
      'HTTP_PROXY=own',
      '-e',
      'no_proxy=',
      'bb',
      'sh',
      '-c',
      'env | grep -i proxy | sort',
    ],
  ]) {
    const [own, theirs] = [await here(config, ...args), await docker(...args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], `${args.join(' ')}: ${own.stderr}`);
  }
  const source = join(config, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'Dockerfile'), 'FROM bb\nRUN echo "$HTTP_PROXY $no_proxy" > /proxy');
  assert.equal((await here(config, 'build', '-q', '-t', 'proxied', source)).exitCode, 0);
  const seen = await here(config, 'run', '--rm', 'proxied', 'cat', '/proxy');
  assert.equal(seen.stdout, 'http://proxy:1 a,b\n');
  const other = { DOCKER_DEFAULT_PLATFORM: 'linux/s390x' };
  const args = ['-H', engine.host, 'run', '--rm', '--pull', 'never', 'bb', 'true'];
  const [own, theirs] = [await caisson(config, args, other), await run(['docker'], config, args, other)];
  assert.notEqual(theirs.exitCode, 0);
  assert.deepEqual([own.exitCode, own.stdout], [theirs.exitCode, theirs.stdout], own.stderr);
  await dockerOk(engine, ['rm', '-f', 'listed']);
  await dockerOk(engine, ['volume', 'rm', 'listed']);
});

test('prune keeps what the configuration keeps', async () => {
  const config = configured({ pruneFilters: ['label!=keep'] });
  await dockerOk(engine, ['create', '--name', 'kept', '-l', 'keep', 'bb', 'true']);
  await dockerOk(engine, ['create', '--name', 'gone', 'bb', 'true']);
  assert.equal((await here(config, 'container', 'prune', '-f')).exitCode, 0);
  assert.equal((await here(config, 'ps', '-a', '--format', '{{.Names}}')).stdout, 'kept\n');
  assert.equal((await here(config, 'system', 'prune', '-f')).exitCode, 0);
  assert.equal((await here(config, 'ps', '-a', '--format', '{{.Names}}')).stdout, 'kept\n');
  assert.equal((await here(config, 'container', 'prune', '-f', '--filter', 'label=keep')).exitCode, 0);
  assert.equal((await here(config, 'ps', '-aq')).stdout, '');
});

test('headers of the configuration are sent, and those that would break a request are refused', async () => {
  const sent = await here(configured({ HttpHeaders: { 'X-Meta': 'value' } }), 'ps', '-q');
  assert.deepEqual([sent.exitCode, sent.stderr], [0, '']);
  const split = await here(configured({ HttpHeaders: { 'X-Meta': 'a\r\nX-Other: b' } }), 'ps', '-q');
  assert.equal(split.exitCode, 1);
  assert.match(split.stderr, /Cannot send the header "X-Meta"/);
});

test('a missing credential helper is told and fails nothing that needs no credentials', async () => {
  const config = configured({ credsStore: 'nosuch' });
  const { stderr } = await here(config, 'pull', '127.0.0.1:1/any');
  assert.match(stderr, /WARNING: No credentials for 127\.0\.0\.1:1: .*docker-credential-nosuch/);
  assert.match(stderr, /connection refused|ECONNREFUSED|Cannot/i);
});

test('the keys that leave a container come from the configuration, and are checked before anything is created', async () => {
  const config = configured({ detachKeys: 'ctrl-x,x' });
  await dockerOk(engine, ['run', '-dit', '--name', 'shell', 'bb', 'sh']);
  for (const args of [
    ['attach', 'shell'],
    ['exec', '-it', 'shell', 'sh'],
    ['run', '-it', 'bb', 'sh'],
  ]) {
    using terminal = Terminal.open([
      'env',
      `DOCKER_CONFIG=${config}`,
      ...fromSource,
      '-H',
      engine.host,
      ...args,
    ]);
    terminal.type('echo a$((1))b\r');
    await terminal.until(/a1b/);
    terminal.type('\u0018x');
    assert.equal(await terminal.exitCode(), args[0] === 'attach' ? 1 : 0);
  }
  const before = await dockerOk(engine, ['ps', '-aq']);
  const wrong = configured({ detachKeys: 'ctrl-P' });
  for (const args of [
    ['attach', 'shell'],
    ['exec', 'shell', 'true'],
    ['run', 'bb', 'true'],
    ['start', '-a', 'shell'],
  ]) {
    const { stderr, exitCode } = await here(wrong, ...args);
    assert.match(stderr, /Invalid detach keys \(ctrl-P\) provided/);
    assert.notEqual(exitCode, 0);
  }
  assert.equal(await dockerOk(engine, ['ps', '-aq']), before);
  const formats = configured({ statsFormat: 'S {{.Name}}', pluginsFormat: 'P {{.Name}}' });
  assert.equal((await here(formats, 'stats', '--no-stream', 'shell')).stdout, 'S shell\n');
  assert.equal((await here(formats, 'plugin', 'ls')).exitCode, 0);
  await dockerOk(engine, ['rm', '-f', ...before.split('\n')]);
});
