/** Source policies of Debian's buildx: what a build may take from outside, and from where instead. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, dockerOk, importBusybox, type Outcome } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
let origin = '';
const scratch = mkdtempSync('/tmp/caisson-policies-');
const repository = join(scratch, 'repository.git');
/** Paths that the server was asked for. */
const asked: string[] = [];

/** Files say their names; below `/repository.git` is a repository. */
const server = createServer(({ url = '' }, response) => {
  asked.push(url);
  if (!url.startsWith('/repository.git/')) return void response.end(url);
  try {
    response.end(readFileSync(join(scratch, url.split('?', 1)[0] ?? '')));
  } catch {
    response.writeHead(404).end();
  }
});

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  await dockerOk(engine, ['build', '-t', 'other', contextOf('FROM bb\nRUN echo other > /which\n')]);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  origin = `http://127.0.0.1:${address.port}`;
  makeRepository();
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  server.close();
  rmSync(scratch, { recursive: true, force: true });
});

function makeRepository(): void {
  mkdirSync(repository);
  const git = (...args: readonly string[]) => execFileSync('git', ['-C', repository, ...args]);
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(repository, 'file'), 'from git\n');
  git('add', 'file');
  git('-c', 'user.name=n', '-c', 'user.email=e', 'commit', '--quiet', '-m', 'one');
  git('update-server-info');
  execFileSync('sh', ['-c', 'mv .git/* . && rmdir .git'], { cwd: repository });
}

function contextOf(dockerfile: string): string {
  const directory = mkdtempSync(join(scratch, 'context-'));
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
  return directory;
}

interface Rule {
  readonly action: 'ALLOW' | 'DENY' | 'CONVERT';
  readonly selector: object;
  readonly updates?: object;
}

/** The rules, as buildx reads them; numbers are BuildKit's enumerations. */
async function build(dockerfile: string, rules: readonly Rule[], ...flags: string[]): Promise<Outcome> {
  const policy = join(mkdtempSync(join(scratch, 'policy-')), 'policy.json');
  writeFileSync(policy, JSON.stringify({ version: 1, rules }));
  const args = ['buildx', 'build', '--progress', 'plain', ...flags, contextOf(dockerfile)];
  return await docker(engine, args, { env: { EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: policy } });
}

const deny = (identifier: string, more: object = {}): Rule => ({
  action: 'DENY',
  selector: { identifier, ...more },
});
const convert = (identifier: string, to: string, attrs: object = {}): Rule => ({
  action: 'CONVERT',
  selector: { identifier },
  updates: { identifier: to, attrs },
});

async function refused(outcome: Promise<Outcome>, text: string): Promise<void> {
  const { exitCode, stderr } = await outcome;
  assert.equal(exitCode, 1, stderr);
  assert.ok(stderr.includes(text), stderr);
}

const REGEX = { match_type: 2 };
const BB = 'docker-image://docker.io/library/bb:latest';

test('what a policy denies fails the build with BuildKit’s words, and is not asked for', async () => {
  const git = `git://${origin.replace('http://', '')}/repository.git`;
  const cases: readonly (readonly [string, Rule, string])[] = [
    [
      'FROM bb\nRUN true\n',
      deny('docker-image://*'),
      `could not resolve image due to policy: source "${BB}"`,
    ],
    ['FROM bb\nRUN true\n', deny('library/b{2}:', REGEX), `source "${BB}"`],
    ['FROM scratch\nCOPY --from=bb /bin /bin\n', deny(BB), `source "${BB}"`],
    [
      `FROM bb\nADD ${origin}/x /\n`,
      deny('http://*'),
      `error evaluating the source policy: source "${origin}/x"`,
    ],
    [`FROM bb\nADD ${origin}/repository.git#main /\n`, deny('git://*'), `source "${git}#main"`],
    ['FROM bb\nCOPY Dockerfile /\n', deny('local://context'), 'source "local://context"'],
    ['FROM bb\n', deny('local://docker*'), 'source "local://dockerfile"'],
  ];
  for (const [dockerfile, rule, text] of cases)
    await refused(build(dockerfile, [rule]), `${text} denied by policy: source denied by policy`);
  assert.deepEqual(asked, []);
});

test('a denied source is refused although it is in the cache', async () => {
  const dockerfile = `FROM bb\nADD ${origin}/cached /\n`;
  assert.equal((await build(dockerfile, [])).exitCode, 0);
  await refused(build(dockerfile, [deny('http://*')]), `source "${origin}/cached" denied by policy`);
});

test('the last rule decides, and constraints look at attributes', async () => {
  const dockerfile = `FROM bb\nADD ${origin}/sum /\n`;
  const checksum = `sha256:${createHash('sha256').update('/sum').digest('hex')}`;
  const unchecked = deny('http://*', { constraints: [{ key: 'http.checksum', condition: 0 }] });
  await refused(build(dockerfile, [unchecked]), 'denied by policy');
  const checked = await build(dockerfile.replace('ADD', `ADD --checksum=${checksum}`), [unchecked]);
  assert.equal(checked.exitCode, 0, checked.stderr);
  const allowed: Rule = { action: 'ALLOW', selector: { identifier: BB } };
  const local: Rule = { action: 'ALLOW', selector: { identifier: 'local://*' } };
  const outcome = await build('FROM bb\nRUN true\n', [deny('*'), allowed, local]);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
});

test('conversions: another image, another file, a checksum, another reference', async () => {
  const image = await build('FROM bb\nRUN cat /which\n', [
    convert('docker-image://docker.io/library/bb:*', 'docker-image://docker.io/library/other:${1}'),
  ]);
  assert.match(image.stderr, /^#\d+ [\d.]+ other$/m);
  const file = await build(`FROM bb\nADD ${origin}/one /f\nRUN cat /f\n`, [
    convert(`${origin}/one`, `${origin}/two`),
  ]);
  assert.match(file.stderr, /^#\d+ [\d.]+ \/two$/m);
  const wrong = `sha256:${'0'.repeat(64)}`;
  const rule = convert(`${origin}/three`, `${origin}/three`, { 'http.checksum': wrong });
  await refused(build(`FROM bb\nADD ${origin}/three /f\n`, [rule]), `digest mismatch`);
  const repositoryOf = (name: string) => `git://${origin.replace('http://', '')}/${name}.git#main`;
  const tree = await build(`FROM bb\nADD ${origin}/repository.git#none /f\nRUN cat /f/file\n`, [
    convert(repositoryOf('repository').replace('main', 'none'), repositoryOf('repository')),
  ]);
  assert.match(tree.stderr, /^#\d+ [\d.]+ from git$/m);
});

test('what cannot be honoured fails the build with the reason', async () => {
  const to = 'docker-image://docker.io/library/other:latest';
  const unsupported = (name: string, attrs = '') =>
    `Cannot use source ${name}: the source policy of the build converts it to ${to}${attrs}: not supported`;
  await refused(
    build('FROM bb\nCOPY Dockerfile /\n', [convert('local://context', to)]),
    unsupported('local://context'),
  );
  await refused(
    build(`FROM bb\nADD ${origin}/x /\n`, [convert(`${origin}/x`, to)]),
    unsupported(`${origin}/x`),
  );
  await refused(build('FROM bb\n', [convert(BB, to, { some: 'thing' })]), unsupported(BB, ' some=thing'));
  await refused(build('FROM bb\n', [deny('bb(', REGEX)]), 'error parsing regexp: missing closing ): `bb(`');
});
