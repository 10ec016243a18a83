/** Pull, push, log-in and commit by real clients against Debian's registry. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { docker, dockerOk, runProgram } from '../support/docker.ts';

const caisson = join(import.meta.dirname, '../../bin/caisson');
const skip = DebianRegistry.isInstalled ? false : 'docker-registry is not installed';

let engine: TestDaemon;
let scratch = '';
before(async () => {
  scratch = mkdtempSync('/tmp/caisson-registry-clients-');
  engine = await TestDaemon.start();
});
after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout.trim();
}

/** An image of a shell and two more layers. */
async function loadImage(reference: string): Promise<void> {
  const layers = [
    busyboxRootTar(),
    tarOf({ path: 'one', content: randomBytes(300_000) }),
    tarOf({ path: 'two', content: 'two\n' }),
  ];
  await dockerOk(engine, ['load', '-q'], { input: dockerArchive({ reference, layers }) });
}

async function digestOf(reference: string): Promise<string> {
  const digests: string[] = JSON.parse(
    await dockerOk(engine, ['inspect', '-f', '{{json .RepoDigests}}', reference]),
  );
  return digests.find((text) => text.startsWith(reference.replace(/:[^/]*$/, '')))?.split('@')[1] ?? '';
}

test('load → push → rmi → pull → run; push again and skopeo say the same digest', { skip }, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/app:1`;
  await loadImage(name);
  const pushed = await dockerOk(engine, ['push', name]);
  const [, digest = ''] = /1: digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed) ?? [];
  assert.equal(
    await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`),
    digest,
  );
  assert.equal(await digestOf(name), digest);
  await dockerOk(engine, ['rmi', name]);
  assert.match(
    await dockerOk(engine, ['pull', name]),
    new RegExp(`Digest: ${digest}\nStatus: Downloaded newer image for ${name}`),
  );
  assert.equal(await dockerOk(engine, ['run', '--rm', '--network', 'none', name, 'cat', '/two']), 'two');
  assert.match(await dockerOk(engine, ['pull', name]), /Status: Image is up to date/);
  const again = await dockerOk(engine, ['push', name]);
  assert.match(again, new RegExp(`1: digest: ${digest}`));
  assert.equal(again.match(/Layer already exists/g)?.length, 3);
  await dockerOk(engine, ['rmi', name]);
});

test('what skopeo copied here goes on to another registry byte for byte', { skip }, async () => {
  await using registry = await DebianRegistry.start();
  await using other = await DebianRegistry.start();
  const archive = join(scratch, 'oci.tar');
  writeFileSync(
    archive,
    dockerArchive({ reference: 'a:1', layers: [tarOf({ path: 'x', content: randomBytes(200_000) })] }),
  );
  const source = `docker://${registry.host}/a:1`;
  await skopeo(
    'copy',
    '--dest-tls-verify=false',
    '--format',
    'oci',
    '--dest-compress-format',
    'zstd',
    `docker-archive:${archive}`,
    source,
  );
  const digest = await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', source);
  await dockerOk(engine, ['pull', '-q', `${registry.host}/a@${digest}`]);
  await dockerOk(engine, ['tag', `${registry.host}/a@${digest}`, `${other.host}/b:2`]);
  await dockerOk(engine, ['push', '-q', `${other.host}/b:2`]);
  const copied = `docker://${other.host}/b:2`;
  assert.equal(await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', copied), digest);
});

test('--all-tags pulls and pushes every tag', { skip }, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/tags`;
  await loadImage(`${name}:1`);
  await dockerOk(engine, ['tag', `${name}:1`, `${name}:2`]);
  await dockerOk(engine, ['push', '-q', '--all-tags', name]);
  await dockerOk(engine, ['rmi', `${name}:1`, `${name}:2`]);
  await dockerOk(engine, ['pull', '-q', '--all-tags', name]);
  const tags = await dockerOk(engine, ['images', '--format', '{{.Tag}}', name]);
  assert.deepEqual(tags.split('\n').toSorted(), ['1', '2']);
});

test('users over TLS: the password is needed, and enough', { skip }, async () => {
  await using registry = await DebianRegistry.start({ tls: true, user: { name: 'ada', password: 'secret' } });
  const name = `${registry.host}/private/app:1`;
  const env = { DOCKER_CONFIG: join(scratch, 'config') };
  await loadImage(name);
  const refused = await docker(engine, ['push', name], { env });
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.stderr, /no basic auth credentials/);
  const own = await runProgram(caisson, ['-H', engine.host, 'push', name], { env });
  assert.ok(
    own.stderr.endsWith(`no basic auth credentials\nLog in with "caisson login ${registry.host}".\n`),
    own.stderr,
  );
  const login = ['login', '-u', 'ada', '--password-stdin', registry.host];
  const wrong = await docker(engine, login, { env, input: 'wrong' });
  assert.match(
    wrong.stderr,
    new RegExp(`login attempt to https://${registry.host}/v2/ failed with status: 401 Unauthorized`),
  );
  assert.match(await dockerOk(engine, login, { env, input: 'secret' }), /Login Succeeded/);
  await dockerOk(engine, ['push', '-q', name], { env });
  await dockerOk(engine, ['rmi', name]);
  // Our own command line reads what Docker's wrote.
  const pulled = await runProgram(caisson, ['-H', engine.host, 'pull', name], { env });
  assert.equal(pulled.exitCode, 0, pulled.stderr);
  const logout = await runProgram(caisson, ['-H', engine.host, 'logout', registry.host], { env });
  assert.equal(logout.stdout, `Removing login credentials for ${registry.host}\n`);
  await dockerOk(engine, ['rmi', name]);
  const anonymous = await docker(engine, ['pull', name], { env });
  assert.match(
    anonymous.stderr,
    new RegExp(`Head "https://${registry.host}/v2/private/app/manifests/1": no basic auth credentials`),
  );
});

test('a registry that authenticates otherwise by now is asked anew', { skip }, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/changing/app:1`;
  const user = { name: 'ada', password: 'secret' };
  const env = { DOCKER_CONFIG: join(scratch, 'changing') };
  await loadImage(name);
  await dockerOk(engine, ['push', '-q', name]);
  const pull = () => docker(engine, ['pull', '-q', name], { env });
  const outcomes: string[] = [];
  const steps = [
    // Nobody listens at the token server, so that no token comes, now and later.
    { tokenServer: 'http://127.0.0.1:1/token' },
    {},
    { user },
    { tls: true },
    { tls: true, tokenServer: 'http://127.0.0.1:1/token' },
    { user },
    {},
  ];
  for (const step of steps) {
    await registry.restart(step);
    const { exitCode, stderr } = await pull();
    outcomes.push(exitCode === 0 ? 'pulled' : stderr);
  }
  const [noToken, , noPassword, , noTokenOverTls, noPasswordLater] = outcomes;
  assert.match(noToken ?? '', /127\.0\.0\.1:1/);
  assert.match(noPassword ?? '', /no basic auth credentials/);
  assert.match(noTokenOverTls ?? '', /127\.0\.0\.1:1/);
  assert.match(noPasswordLater ?? '', /no basic auth credentials/);
  assert.deepEqual([outcomes[1], outcomes[3], outcomes[6]], ['pulled', 'pulled', 'pulled']);
  // The same with a password: it is refused, and taken once the registry knows it.
  const login = ['login', '-u', user.name, '--password-stdin', registry.host];
  await registry.restart({ user });
  await dockerOk(engine, login, { env, input: user.password });
  await registry.restart({ user: { ...user, password: 'another' } });
  assert.notEqual((await pull()).exitCode, 0);
  await registry.restart({ user });
  await dockerOk(engine, ['pull', '-q', name], { env });
  await registry.restart({ tokenServer: 'http://127.0.0.1:1/token' });
  assert.notEqual((await pull()).exitCode, 0);
  await registry.restart({});
  await dockerOk(engine, ['pull', '-q', name], { env });
});

test('certs.d: a registry with an authority of its own is verified', { skip }, async () => {
  await using registry = await DebianRegistry.start({ tls: true });
  const host = `localhost:${registry.port}`;
  const directory = `/etc/caisson/certs.d/${host}`;
  await loadImage(`${host}/a:1`);
  mkdirSync(directory, { recursive: true });
  try {
    writeFileSync(join(directory, 'ca.crt'), registry.certificate);
    await dockerOk(engine, ['push', '-q', `${host}/a:1`]);
    await using stranger = await DebianRegistry.start({ tls: true });
    writeFileSync(join(directory, 'ca.crt'), stranger.certificate);
    const refused = await docker(engine, ['push', '-q', `${host}/a:1`]);
    assert.match(refused.stderr, /certificate/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('credential helpers keep what log-in learns', { skip }, async () => {
  await using registry = await DebianRegistry.start({ user: { name: 'ada', password: 'secret' } });
  const config = join(scratch, 'helped');
  mkdirSync(config);
  writeFileSync(join(config, 'config.json'), JSON.stringify({ credsStore: 'test' }));
  const kept = join(config, 'kept');
  const script = `#!/bin/sh\ncase $1 in store) cat > ${kept};; get) cat ${kept} 2>/dev/null || { echo credentials not found in native keychain; exit 1; };; erase) rm ${kept};; esac\n`;
  writeFileSync(join(config, 'docker-credential-test'), script, { mode: 0o755 });
  const env = { DOCKER_CONFIG: config, PATH: `${config}:${process.env['PATH']}` };
  const run = (args: readonly string[], input?: string) =>
    runProgram(caisson, ['-H', engine.host, ...args], { env, ...(input ? { input } : {}) });
  const login = await run(['login', '-u', 'ada', '--password-stdin', registry.host], 'secret');
  assert.equal(login.stdout, 'Login Succeeded\n', login.stderr);
  assert.equal(login.stderr, '');
  const name = `${registry.host}/a:1`;
  await loadImage(name);
  assert.equal((await run(['push', '-q', name])).stdout, `${name}\n`);
  assert.equal((await run(['logout', registry.host])).exitCode, 0);
  assert.notEqual((await run(['push', '-q', name])).exitCode, 0);
});

test('commit: changes, message, author and instructions; what was removed stays away', async () => {
  await loadImage('base:1');
  await dockerOk(engine, [
    'run',
    '-d',
    '--name',
    'changed',
    '--network',
    'none',
    'base:1',
    'sh',
    '-c',
    'echo new > /three; rm /two; sleep 1000',
  ]);
  while ((await docker(engine, ['exec', 'changed', 'test', '-e', '/two'])).exitCode === 0);
  const id = await dockerOk(engine, [
    'commit',
    '-m',
    'why',
    '-a',
    'ada',
    '-c',
    'ENV X=1',
    '-c',
    'CMD ["cat","/three"]',
    'changed',
    'made:1',
  ]);
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await dockerOk(engine, ['inspect', '-f', '{{.State.Status}}', 'changed']), 'running');
  assert.equal(await dockerOk(engine, ['run', '--rm', '--network', 'none', 'made:1']), 'new');
  assert.notEqual(
    (await docker(engine, ['run', '--rm', '--network', 'none', 'made:1', 'cat', '/two'])).exitCode,
    0,
  );
  const image = JSON.parse(await dockerOk(engine, ['inspect', 'made:1']))[0];
  assert.deepEqual(
    [image.Comment, image.Author, image.Config.Env, image.RootFS.Layers.length],
    ['why', 'ada', ['X=1'], 4],
  );
  assert.match(await dockerOk(engine, ['history', 'made:1']), /why/);
  await dockerOk(engine, ['rm', '-f', 'changed']);
});
