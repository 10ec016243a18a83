/**
 * Repositories over ssh, from a real server, with keys that stay with the client; `CAISSON_PEERS=check`: dockerd too.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { agentSource } from '../../src/base/ssh-agent/agent-source.ts';
import { BuildkitClient } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { SshServer } from '../support/ssh-server.ts';
import type { Subject } from '../support/subject.ts';
import { CaissonCli } from './caisson-cli.ts';
import { graphOf, peers } from './graphs.ts';

let engine: TestDaemon;
let server: SshServer;
let repository = '';
let url = '';
let wrongKey = '';
const caisson = new CaissonCli(() => engine.host);
const servers = new AsyncDisposableStack();
/** The engine that buildx builds with. */
const subjects = new Map<string, Subject>();

before(async () => {
  servers.use(caisson);
  server = servers.use(await SshServer.start());
  engine = servers.use(await TestDaemon.start('--log-level', 'debug'));
  subjects.set('ours', engine);
  if (peers !== '') subjects.set('dockerd', servers.use(await DockerDaemon.start()));
  for (const subject of subjects.values()) await importBusybox(subject);
  repository = makeRepository();
  url = `ssh://git@127.0.0.1:${server.port}${repository}`;
  wrongKey = join(caisson.scratch, 'wrong');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrongKey]);
});

after(() => servers.disposeAsync());

function makeRepository(): string {
  const work = caisson.directory({
    Dockerfile: 'FROM bb\nCOPY top /f\n',
    top: 'first\n',
    'sub/Dockerfile': 'FROM bb\nCOPY below /f\n',
    'sub/below': 'below\n',
  });
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  git('tag', 'v1');
  writeFileSync(join(work, 'top'), 'second\n');
  git('commit', '-q', '-a', '-m', 'two');
  return server.addRepository('app', work);
}

const withKey = (key = server.key) => ['--ssh', `default=${key}`];

/** A context that adds the repository. */
const adding = (source: string) =>
  caisson.directory({ Dockerfile: `FROM bb\nADD ${source} /r\nRUN cp /r/top /f\n` });

/** What `buildx build` puts into `/f`, with either engine. */
async function built(args: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for (const [name, subject] of subjects) {
    const destination = caisson.directory();
    const { exitCode, stderr } = await buildx(subject, ['-o', destination, ...args]);
    assert.equal(exitCode, 0, `${name}: ${stderr}`);
    files[name] = readFileSync(join(destination, 'f'), 'utf8');
  }
  return files;
}

function buildx(subject: Subject, args: readonly string[]): Promise<Outcome> {
  const command = ['buildx', 'build', '--progress', 'plain', '--network', 'none', '--no-cache'];
  return docker(subject, [...command, ...args]);
}

const all = (text: string) => Object.fromEntries([...subjects.keys()].map((name) => [name, text]));

/** `git@host:path`, for which there is no other port than the usual one. */
function scpLike(context: TestContext): string | undefined {
  if (server.standardHost !== undefined) return `git@${server.standardHost}:${repository}`;
  context.skip('another server of ssh has port 22 on every address');
  return undefined;
}

test('buildx: contexts and ADD, references and directories', async () => {
  assert.deepEqual(await built([...withKey(), url]), all('second\n'));
  assert.deepEqual(await built([...withKey(), `${url}#v1`]), all('first\n'));
  assert.deepEqual(await built([...withKey(), `${url}#main:sub`]), all('below\n'));
  assert.deepEqual(await built([...withKey(), adding(`${url}#v1`)]), all('first\n'));
});

test('buildx: git@host:path', async (context) => {
  const name = scpLike(context);
  if (name === undefined) return;
  assert.deepEqual(await built([...withKey(), name]), all('second\n'));
  assert.deepEqual(await built([...withKey(), `${name}#main:sub`]), all('below\n'));
  assert.deepEqual(await built([...withKey(), adding(`${name}#v1`)]), all('first\n'));
});

async function fileOf(args: readonly string[], options = {}): Promise<string> {
  const destination = caisson.directory();
  await caisson.ok(['build', '--no-cache', '-o', destination, ...args], options);
  return readFileSync(join(destination, 'f'), 'utf8');
}

test('caisson build: the same, and the agent of the shell without being told', async (context) => {
  assert.equal(await fileOf([...withKey(), `${url}#v1`]), 'first\n');
  assert.equal(await fileOf([...withKey(), `${url}#main:sub`]), 'below\n');
  assert.equal(await fileOf([...withKey(), adding(url)]), 'second\n');
  const socket = join(caisson.scratch, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(agent.stdout, 'data');
    const env = { SSH_AUTH_SOCK: socket };
    const { exitCode, stderr } = await runProgram('ssh-add', ['-q', server.key], { env });
    assert.equal(exitCode, 0, stderr);
    assert.equal(await fileOf([url], { env }), 'second\n');
    const name = scpLike(context);
    if (name !== undefined) assert.equal(await fileOf([`${name}#v1`], { env }), 'first\n');
  } finally {
    agent.kill();
    await once(agent, 'exit');
  }
});

test('a key that is not taken, none, one of another name, a host and a repository that are not there', async () => {
  const refused = [...withKey(wrongKey), `${url}#main`];
  const unnamed = ['--ssh', `other=${server.key}`, adding(`${url}#main`)];
  const cases: readonly (readonly [args: readonly string[], ours: RegExp, dockerd: RegExp])[] = [
    [refused, /git@127\.0\.0\.1: Permission denied \(publickey\)/, /Permission denied \(publickey\)/],
    [unnamed, /no SSH key "default" forwarded from the client/, /unset ssh forward key default/],
    [[adding(url)], /no SSH key "default" forwarded from the client/, /unset ssh forward key default/],
    [
      [...withKey(), 'ssh://git@127.0.0.1:1/app.git'],
      /ssh: connect to host 127\.0\.0\.1 port 1: Connection refused/,
      /error fetching default branch/,
    ],
    [
      [...withKey(), `${url}.none`],
      /does not appear to be a git repository/,
      /error fetching default branch/,
    ],
    [[...withKey(), `${url}#none`], /does not contain ref none/, /does not contain ref none/],
  ];
  for (const [args, ours, dockerd] of cases) {
    for (const [name, subject] of subjects) {
      const { exitCode, stderr } = await buildx(subject, args);
      assert.notEqual(exitCode, 0, stderr);
      assert.match(stderr, name === 'ours' ? ours : dockerd);
    }
    assert.match(await caisson.failure(['build', '--no-cache', ...args]), ours);
  }
  // As buildx, which needs an agent for such a context.
  const forgotten = await caisson.failure(['build', url]);
  assert.match(forgotten, /there is no agent, SSH_AUTH_SOCK is empty; start one .* or give a key: --ssh/);
  const named = await caisson.failure(['build', '--build-context', `x=${url}`, adding('x')]);
  assert.match(named, /no SSH key "default" forwarded from the client/);
});

/** A client names an agent of its own, and vouches for hosts. */
async function fetched(knownHosts: string): Promise<string> {
  const agents = { mine: await agentSource([server.key]) };
  using client = await BuildkitClient.connect(engine, { agents });
  let text = '';
  const attrs = { 'git.fullurl': url, 'git.mountsshsock': 'mine', 'git.knownsshhosts': knownHosts };
  const identifier = `git://127.0.0.1${repository}#v1`;
  await client.build({}, async (build) => {
    const { ref } = await build.solve({
      Definition: graphOf(() => ({ source: { identifier, attrs } })),
      Evaluate: true,
    });
    text = (await build.readFile(ref?.id ?? '', 'top')).toString();
    return {};
  });
  return text;
}

const publicKey = (path: string) => readFileSync(`${path}.pub`, 'utf8').trim();

test('only hosts that a client vouches for, if it does', async () => {
  const host = `[127.0.0.1]:${server.port}`;
  await assert.rejects(fetched(`${host} ${publicKey(wrongKey)}`), /Host key verification failed/);
  await assert.rejects(
    fetched(`another ${publicKey(join(server.directory, 'host'))}`),
    /Host key verification failed/,
  );
  assert.equal(await fetched(`${host} ${publicKey(join(server.directory, 'host'))}`), 'first\n');
});

test('nothing of a key is left with the engine, nor the way to it', async () => {
  const secret = readFileSync(server.key, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('-') && line !== '');
  const patterns = secret.flatMap((line) => ['-e', line]);
  const find = (...places: readonly string[]) => runProgram('grep', ['-rlasF', ...patterns, ...places]);
  assert.match((await find(server.directory)).stdout, /key/);
  assert.equal((await find(engine.directory)).stdout, '');
  const kept = readdirSync(join(engine.root, 'builds/downloads'));
  assert.notDeepEqual(kept, []);
  assert.deepEqual(
    kept.filter((name) => name.startsWith('.')),
    [],
  );
});
