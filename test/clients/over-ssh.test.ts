/** Engines on other machines: ssh and sshd are the system's, and both command lines stand at both ends. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { compiled, compileOwnCli, fromSource, hasBun } from '../support/own-cli.ts';
import { SshServer } from '../support/ssh-server.ts';
import { startSubject, type Subject } from '../support/subject.ts';

const scratch = mkdtempSync('/tmp/caisson-over-ssh-');
/** The programs that the other machine has. */
const far = join(scratch, 'far');
const near = join(scratch, 'near');
const servers = new AsyncDisposableStack();

let engine: Subject;
let server: SshServer;

before(async () => {
  await compileOwnCli();
  engine = servers.use(await startSubject());
  await importBusybox(engine);
  for (const directory of [far, near]) mkdirSync(directory);
  server = servers.use(await SshServer.start(far));
  const settings = [
    `IdentityFile ${server.key}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${join(scratch, 'known')}`,
    'StrictHostKeyChecking accept-new',
    'BatchMode yes',
  ];
  writeFileSync(join(scratch, 'config'), `${settings.join('\n')}\n`);
  program(near, 'ssh', `exec /usr/bin/ssh -F ${join(scratch, 'config')} "$@"`);
});

after(async () => {
  await servers.disposeAsync();
  rmSync(scratch, { recursive: true, force: true });
});

function program(directory: string, name: string, script: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

/** What `caisson` and `docker` are on the other machine; undefined for Debian's own docker alone. */
function farPrograms(programs: { readonly caisson?: string; readonly docker?: string }): void {
  rmSync(far, { recursive: true, force: true });
  mkdirSync(far);
  for (const [name, script] of Object.entries(programs)) program(far, name, script);
}

const onEngine = (dialer: string) => `DOCKER_HOST=${engine.host} exec ${dialer} "$@"`;
const ours = fromSource.join(' ');

function over(url: string, client: readonly string[], args: readonly string[], input?: string) {
  const [first = '', ...words] = client;
  return runProgram(first, [...words, '-H', url, ...args], {
    env: { PATH: `${near}:${process.env['PATH'] ?? ''}` },
    ...(input === undefined ? {} : { input }),
  });
}

const urlOf = (path = '') => `ssh://operator@127.0.0.1:${server.port}${path}`;

async function runsThere(url: string, client: readonly string[]): Promise<void> {
  const said: Outcome = await over(
    url,
    client,
    ['run', '--rm', '-i', 'bb', 'sh', '-c', 'cat; echo problem >&2; exit 7'],
    'through',
  );
  assert.deepEqual(said, { exitCode: 7, stdout: 'through', stderr: 'problem\n' });
}

test('either command line speaks through either one on the other machine', async () => {
  const clients = [fromSource, ...(hasBun ? [compiled] : []), ['docker']];
  for (const dialer of [ours, '/usr/bin/docker']) {
    farPrograms({ docker: onEngine(dialer) });
    for (const client of clients) await runsThere(urlOf(), client);
  }
});

test('caisson is taken where it is there, and a path names the socket', async () => {
  farPrograms({ caisson: onEngine(ours), docker: 'echo the wrong one >&2; exit 1' });
  await runsThere(urlOf(), fromSource);
  farPrograms({ caisson: `exec ${ours} "$@"` });
  await runsThere(urlOf(engine.socket), fromSource);
  farPrograms({});
  await runsThere(urlOf(engine.socket), fromSource);
});

test('much goes both ways, and a build too', async () => {
  farPrograms({ caisson: onEngine(ours) });
  const sent = 'a line of what is sent\n'.repeat(200_000);
  const back = await over(urlOf(), fromSource, ['run', '--rm', '-i', 'bb', 'cat'], sent);
  assert.ok(back.stdout === sent, `${back.exitCode} ${back.stdout.length} ${back.stderr}`);
  writeFileSync(join(near, 'Dockerfile'), 'FROM bb\nCOPY Dockerfile /d\n');
  const built = await over(urlOf(), fromSource, ['build', '-q', '-t', 'over-ssh', near]);
  assert.equal(built.exitCode, 0, built.stderr);
  const read = await over(urlOf(), fromSource, ['run', '--rm', 'over-ssh', 'cat', '/d']);
  assert.equal(read.stdout, readFileSync(join(near, 'Dockerfile'), 'utf8'));
});

test('a context leads there', async () => {
  farPrograms({ caisson: onEngine(ours) });
  const [node = '', ...words] = fromSource;
  const run = (...args: readonly string[]) =>
    runProgram(node, [...words, '--config', join(scratch, 'user'), ...args], {
      env: { PATH: `${near}:${process.env['PATH'] ?? ''}` },
    });
  const made = await run('context', 'create', 'far', '--docker', `host=${urlOf()}`);
  assert.equal(made.exitCode, 0, made.stderr);
  const { stdout, stderr } = await run('--context', 'far', 'images', '--format', '{{.Repository}}', 'bb');
  assert.equal(stdout, 'bb\n', stderr);
});

test('what ssh says is told, with what helps', async () => {
  farPrograms({ docker: 'echo no engine for you >&2; exit 3' });
  const cases: readonly (readonly [url: string, said: RegExp])[] = [
    [urlOf(), /Cannot connect to the engine on 127\.0\.0\.1 over ssh: no engine for you\n/],
    [`ssh://nosuch@127.0.0.1:${server.port}`, /over ssh: .*Permission denied \(publickey\)/],
    ['ssh://127.0.0.1:1', /over ssh: ssh: connect to host 127\.0\.0\.1 port 1: Connection refused\n/],
  ];
  for (const [url, said] of cases) {
    const { exitCode, stdout, stderr } = await over(url, fromSource, ['ps']);
    assert.deepEqual([exitCode, stdout], [1, '']);
    assert.match(stderr, said);
    assert.match(stderr, /ssh must reach that machine without a question/);
  }
});
