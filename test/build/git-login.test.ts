/**
 * Private repositories over http, from a real server, with tokens and headers of the client's; `CAISSON_PEERS=check`:
 * dockerd too.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BuildkitClient } from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { type Gate, GitServer } from '../support/git-server.ts';
import type { Subject } from '../support/subject.ts';
import { CaissonCli } from './caisson-cli.ts';
import { graphOf, peers } from './graphs.ts';

const token = `hidden-${randomBytes(12).toString('hex')}`;
const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
const bearer = `Bearer ${token}`;

let engine: TestDaemon;
/** Shows all but what is `open` to the token's owner only. */
let server: GitServer;
/** A server of another owner, which asks for no password. */
let other: GitServer;
let url = '';
const caisson = new CaissonCli(() => engine.host);
const servers = new AsyncDisposableStack();
/** The engine that buildx builds with. */
const subjects = new Map<string, Subject>();

const gate: Gate = ({ path, authorization = '' }, response) => {
  if (path.startsWith('/moved')) {
    response.writeHead(302, { location: `${other.origin}${path.replace('/moved', '/open')}` }).end();
    return true;
  }
  if (path.startsWith('/rude')) {
    // Repeats all that it was told.
    const said = Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString();
    response.writeHead(403, { 'content-type': 'text/plain' }).end(`not ${authorization} nor ${said}\n`);
    return true;
  }
  if (
    path.startsWith('/open') ||
    authorization === bearer ||
    authorization.toLowerCase() === `basic ${basic}`.toLowerCase()
  )
    return false;
  response.writeHead(401, { 'www-authenticate': 'Basic realm="private"' }).end();
  return true;
};

before(async () => {
  servers.use(caisson);
  server = servers.use(await GitServer.start(gate));
  other = servers.use(await GitServer.start(() => false));
  engine = servers.use(await TestDaemon.start('--log-level', 'debug'));
  subjects.set('ours', engine);
  if (peers !== '') subjects.set('dockerd', servers.use(await DockerDaemon.start()));
  for (const subject of subjects.values()) await importBusybox(subject);
  const work = caisson.directory({ Dockerfile: 'FROM bb\nCOPY top /f\n', top: 'first\n' });
  commitAll(work);
  gitIn(work, 'tag', 'v1');
  writeFileSync(join(work, 'top'), 'second\n');
  commitAll(work);
  url = server.addRepository('app', work);
  other.addRepository('open', work);
});

after(() => servers.disposeAsync());

function gitIn(work: string, ...args: readonly string[]): string {
  const settings = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'init.defaultBranch=main'];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', ['-C', work, ...settings, ...args], { env, encoding: 'utf8' });
}

function commitAll(work: string, ...paths: readonly string[]): void {
  gitIn(work, 'init', '-q');
  gitIn(work, 'add', ...(paths.length > 0 ? paths : ['.']));
  gitIn(work, 'commit', '-q', '-m', 'all');
}

const env = { THE_TOKEN: token, THE_HEADER: bearer, WRONG: 'not-this-one', EMPTY: '' };
const secret = (id: string, variable: keyof typeof env) => ['--secret', `id=${id},env=${variable}`];
const withToken = secret('GIT_AUTH_TOKEN', 'THE_TOKEN');

/** A context that adds the repository. */
const adding = (source: string) =>
  caisson.directory({ Dockerfile: `FROM bb\nADD ${source} /r\nRUN cp /r/top /f\n` });

function buildx(subject: Subject, args: readonly string[]): Promise<Outcome> {
  const command = ['buildx', 'build', '--progress', 'plain', '--network', 'none', '--no-cache'];
  return docker(subject, [...command, ...args], { env });
}

/** What `buildx build`, with either engine, and `caisson build` put into `/f`. */
async function expectBuilt(args: readonly string[], expected: string): Promise<void> {
  for (const [name, subject] of subjects) {
    const destination = caisson.directory();
    const { exitCode, stderr } = await buildx(subject, ['-o', destination, ...args]);
    assert.equal(exitCode, 0, `${name}: ${stderr}`);
    assert.equal(readFileSync(join(destination, 'f'), 'utf8'), expected, name);
  }
  const destination = caisson.directory();
  await caisson.ok(['build', '--no-cache', '-o', destination, ...args], { env });
  assert.equal(readFileSync(join(destination, 'f'), 'utf8'), expected);
}

/** What each client is told, with no secret in it. */
async function failuresOf(args: readonly string[]): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await buildx(engine, args);
  assert.notEqual(exitCode, 0, stderr);
  const said = [stdout + stderr, await caisson.failure(['build', '--no-cache', ...args], { env })];
  for (const text of said) assert.ok(!text.includes(token) && !text.includes(basic), text);
  return said;
}

async function expectFailure(args: readonly string[], expected: RegExp): Promise<void> {
  for (const text of await failuresOf(args)) assert.match(text, expected);
}

test('a token: contexts and ADD, references', async () => {
  await expectBuilt([...withToken, `${url}#v1`], 'first\n');
  await expectBuilt([...withToken, url], 'second\n');
  await expectBuilt([...withToken, adding(`${url}#v1`)], 'first\n');
});

test('a header; from a file; what is for the host comes first', async () => {
  await expectBuilt([...secret('GIT_AUTH_HEADER', 'THE_HEADER'), adding(url)], 'second\n');
  const wrong = [...secret('GIT_AUTH_TOKEN', 'WRONG'), ...secret('GIT_AUTH_HEADER', 'WRONG')];
  await expectBuilt(
    [...wrong, ...secret(`GIT_AUTH_TOKEN.${server.host}`, 'THE_TOKEN'), adding(url)],
    'second\n',
  );
  await expectBuilt([...wrong, ...secret(`GIT_AUTH_HEADER.${server.host}`, 'THE_HEADER'), url], 'second\n');
  // With the end of line that editors leave.
  const file = join(caisson.scratch, 'token');
  writeFileSync(file, `${token}\n`);
  await caisson.ok(['build', '--no-cache', '--secret', `id=GIT_AUTH_TOKEN,src=${file}`, url]);
});

test('none, a wrong one, one for another host, one that is no header', async () => {
  const missing =
    /could not read Username .*for a private repository give a token: --secret id=GIT_AUTH_TOKEN/s;
  await expectFailure([url], missing);
  await expectFailure([adding(url)], missing);
  await expectFailure([...secret('GIT_AUTH_TOKEN', 'EMPTY'), url], missing);
  await expectFailure([...secret(`GIT_AUTH_TOKEN.${other.host}`, 'THE_TOKEN'), url], missing);
  await expectFailure([...secret('GIT_AUTH_TOKEN', 'WRONG'), url], /secret GIT_AUTH_TOKEN is not accepted/);
  const host = `GIT_AUTH_TOKEN.${server.host}`;
  const wrongForHost = [...withToken, ...secret(host, 'WRONG'), adding(url)];
  await expectFailure(wrongForHost, /secret GIT_AUTH_TOKEN\.127\.0\.0\.1:\d+ is not accepted/);
  const lines = join(caisson.scratch, 'lines');
  writeFileSync(lines, `${bearer}\nX-More: 1\n`);
  const several = ['--secret', `id=GIT_AUTH_HEADER,src=${lines}`, url];
  await expectFailure(several, /Cannot use secret GIT_AUTH_HEADER for git: it has several lines/);
});

test('a server that repeats what it was told', async () => {
  await expectFailure([...withToken, `${server.origin}/rude.git`], /403/);
  await expectFailure([...secret('GIT_AUTH_HEADER', 'THE_HEADER'), `${server.origin}/rude.git`], /403/);
});

test('no other server sees it: where a repository redirects, and where its submodules are', async () => {
  other.requests.length = 0;
  const moved = `${server.origin}/moved.git`;
  await expectFailure(
    [...withToken, moved],
    /302 \(secret GIT_AUTH_TOKEN is not shown to where it redirects\)/,
  );
  assert.deepEqual(other.requests, []);
  // Without a secret there is nothing to keep from it.
  await caisson.ok(['build', '--no-cache', moved]);
  assert.notDeepEqual(other.requests, []);

  const part = caisson.directory({ part: 'part\n' });
  commitAll(part);
  const commit = gitIn(part, 'rev-parse', 'HEAD').trim();
  const parts = { elsewhere: other.addRepository('part', part), open: server.addRepository('open', part) };
  const work = caisson.directory({ Dockerfile: 'FROM bb\nCOPY */part /f/\n' });
  gitIn(work, 'init', '-q');
  const modules = Object.entries(parts).map(([name, from]) => {
    gitIn(work, 'update-index', '--add', '--cacheinfo', `160000,${commit},${name}`);
    return `[submodule "${name}"]\n\tpath = ${name}\n\turl = ${from}\n`;
  });
  writeFileSync(join(work, '.gitmodules'), modules.join(''));
  // What is not checked out would be taken for removed.
  commitAll(work, 'Dockerfile', '.gitmodules');
  const whole = server.addRepository('whole', work);
  for (const { requests } of [server, other]) requests.length = 0;
  await caisson.ok(['build', '--no-cache', ...withToken, whole], { env });
  const told = [...server.requests, ...other.requests].map(({ path, authorization }) => ({
    repository: path.split('/')[1],
    isTold: authorization !== undefined,
  }));
  const seen = new Set(told.map(({ repository, isTold }) => `${repository} ${isTold}`));
  assert.deepEqual([...seen].toSorted(), ['open.git false', 'part.git false', 'whole.git true']);
});

/** A graph that names secrets of its own. */
async function fetched(attrs: Readonly<Record<string, string>>): Promise<string> {
  using client = await BuildkitClient.connect(engine, {
    secrets: { mine: token, whole: bearer, GIT_AUTH_TOKEN: token },
  });
  let text = '';
  const all = { 'git.fullurl': url, ...attrs };
  await client.build({}, async (build) => {
    const { ref } = await build.solve({
      Definition: graphOf(() => ({ source: { identifier: `git://${server.host}/app.git#v1`, attrs: all } })),
      Evaluate: true,
    });
    text = (await build.readFile(ref?.id ?? '', 'top')).toString();
    return {};
  });
  return text;
}

test('graphs name the secrets; without a name there is none', async () => {
  assert.equal(await fetched({ 'git.authtokensecret': 'mine' }), 'first\n');
  assert.equal(await fetched({ 'git.authheadersecret': 'whole', 'git.authtokensecret': 'none' }), 'first\n');
  await assert.rejects(fetched({}), /could not read Username/);
  await assert.rejects(fetched({ 'git.authtokensecret': 'whole' }), /secret whole is not accepted/);
});

test('nothing of it is left: in the engine, its log, the image and its provenance, the kept .git', async () => {
  const context = caisson.directory({ Dockerfile: `FROM bb\nADD --keep-git-dir=true ${url} /r\n` });
  const args = ['buildx', 'build', '-q', '--provenance=mode=max', '-t', 'private:1', ...withToken];
  await dockerOk(engine, [...args, context], { env });
  await caisson.ok(['build', '--provenance=mode=max', '-t', 'private:2', ...withToken, url], { env });
  const saved = join(caisson.directory(), 'image.tar');
  await dockerOk(engine, ['save', '-o', saved, 'private:1', 'private:2']);
  assert.match(await filesWith([`url = ${url}`], engine.root), /downloads/);
  const encoded = [0, 1, 2].map((before) =>
    Buffer.from(' '.repeat(before) + token)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  const forms = [token, basic, ...encoded];
  assert.notEqual(await filesWith(forms, join(caisson.scratch, 'token')), '');
  assert.equal(await filesWith(forms, engine.directory, engine.logPath, saved), '');
  const kept = readdirSync(join(engine.root, 'builds/downloads'));
  assert.notDeepEqual(kept, []);
  assert.deepEqual(
    kept.filter((name) => name.startsWith('.')),
    [],
  );
});

async function filesWith(texts: readonly string[], ...places: readonly string[]): Promise<string> {
  const patterns = texts.flatMap((text) => ['-e', text]);
  return (await runProgram('grep', ['-rlasF', ...patterns, ...places])).stdout;
}
