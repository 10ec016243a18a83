/** `caisson build`: what comes out of it, and caches outside. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificate } from '../support/certificate.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { freePort } from '../support/free-port.ts';
import { importBusybox, runProgram } from '../support/docker.ts';
import { CAISSON, CaissonCli } from './caisson-cli.ts';

let engine: TestDaemon;
let registry: DebianRegistry;
let port = 0;
const caisson = new CaissonCli(() => engine.host);
const certificates = join(caisson.scratch, 'certificates');

before(async () => {
  port = await freePort();
  const { key, cert, ca } = makeCertificate(certificates);
  const tls = ['--tlskey', key, '--tlscert', cert, '--tlscacert', ca, '--tlsverify'];
  engine = await TestDaemon.start('--host', `tcp://127.0.0.1:${port}`, ...tls);
  await importBusybox(engine);
  registry = await DebianRegistry.start();
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  caisson[Symbol.dispose]();
});

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly platform?: { readonly os: string; readonly architecture: string };
  }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

async function inspectRaw(reference: string): Promise<Index> {
  const outcome = await runProgram('skopeo', ['inspect', '--raw', '--tls-verify=false', reference]);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return JSON.parse(outcome.stdout);
}

const platformsOf = ({ manifests }: Index) =>
  manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`);

const PLATFORMS = 'linux/amd64,linux/arm64';
const forPlatforms = () =>
  caisson.directory({
    Dockerfile:
      'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\nCOPY common /\nLABEL arch=$TARGETARCH\n',
    amd64: 'for amd64',
    arm64: 'for arm64',
    common: 'common',
  });

test('several platforms, into everything that there is, at once', async () => {
  const out = caisson.directory();
  const name = `${registry.host}/team/app:1`;
  const at = (file: string) => join(out, file);
  const outputs = [at('local'), `type=tar,dest=${at('t.tar')}`, `type=oci,dest=${at('o.tar')}`, 'type=image'];
  const files = ['--metadata-file', at('metadata.json'), '--iidfile', at('iid')];
  const flags = [
    '--platform',
    PLATFORMS,
    '-t',
    name,
    '--push',
    ...outputs.flatMap((output) => ['-o', output]),
  ];
  await caisson.ok(['build', ...flags, ...files, forPlatforms()]);

  assert.equal(readFileSync(at('local/linux_arm64/arch'), 'utf8'), 'for arm64');
  const tar = execFileSync('tar', ['-xOf', at('t.tar'), 'linux_amd64/arch', 'linux_arm64/common']);
  assert.equal(tar.toString(), 'for amd64common');
  assert.deepEqual(platformsOf(await inspectRaw(`oci-archive:${at('o.tar')}`)), PLATFORMS.split(','));
  assert.deepEqual(platformsOf(await inspectRaw(`docker://${name}`)), PLATFORMS.split(','));
  const metadata = JSON.parse(readFileSync(at('metadata.json'), 'utf8'));
  assert.equal(metadata['image.name'], name);
  assert.match(metadata['containerimage.digest'], /^sha256:[0-9a-f]{64}$/);
  assert.equal(metadata['containerimage.descriptor'].digest, metadata['containerimage.digest']);
  assert.match(readFileSync(at('iid'), 'utf8'), /^sha256:[0-9a-f]{64}$/);
  const listed = await caisson.ok(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  assert.ok(listed.stdout.split('\n').includes(name), listed.stdout);
});

test('attestations and annotations go along', async () => {
  const context = caisson.directory({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' });
  const name = `${registry.host}/team/attested:1`;
  const attest = ['--attest', 'type=provenance,mode=max', '--sbom'];
  const annotations = ['--annotation', 'org.example.m=1', '--annotation', 'index:org.example.i=2'];
  await caisson.ok(['build', '-t', name, '--push', ...attest, ...annotations, context]);
  const { manifests, annotations: shown } = await inspectRaw(`docker://${name}`);
  assert.deepEqual(shown, { 'org.example.i': '2' });
  const kinds = manifests.map(({ annotations }) => annotations?.['vnd.docker.reference.type'] ?? 'image');
  assert.deepEqual(kinds, ['image', 'attestation-manifest']);
  const [image] = manifests;
  const manifest = await inspectRaw(`docker://${registry.host}/team/attested@${image?.digest}`);
  assert.deepEqual(manifest.annotations, { 'org.example.m': '1' });
  const wrong = await caisson.failure(['build', '--annotation', 'nowhere:a=b', context]);
  assert.match(wrong, /nowhere/);
});

test('standard output takes one archive, and nothing else', async () => {
  const context = caisson.directory({ Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' });
  const args = [CAISSON, '-H', engine.host, 'build', '-q', '-o', '-', context];
  const tar = execFileSync(process.execPath, args);
  assert.equal(execFileSync('tar', ['-xOf', '-', 'a'], { input: tar }).toString(), 'a');
  const below = join(context, 'a/x.tar');
  const nowhere = await caisson.failure(['build', '-o', `type=oci,dest=${below}`, context]);
  assert.ok(nowhere.includes(join(context, 'a')), nowhere);
  for (const [output, why] of [
    ['type=none', /no output of type "none", only image, registry, local/],
    ['type=local', /dest is required for local/],
    ['dest=x', /type is required/],
  ] as const)
    assert.match(await caisson.failure(['build', '-o', output, context]), why);
});

/** Runs once, unless its result is found. */
const withRandom = () =>
  caisson.directory({
    Dockerfile: 'FROM bb\nCOPY f /\nRUN cat /proc/sys/kernel/random/uuid > /uuid\n',
    f: 'f',
  });

async function uuidOf(args: readonly string[]): Promise<string> {
  const out = join(caisson.directory(), 'out');
  await caisson.ok(['build', '-o', out, ...args]);
  return readFileSync(join(out, 'uuid'), 'utf8');
}

test('caches outside: a registry, a directory, in the image; what cannot be', async () => {
  const context = withRandom();
  const directory = join(caisson.scratch, 'cache');
  const ref = `${registry.host}/caches/app:max`;
  const inline = `${registry.host}/team/inline:1`;
  const to = [`type=registry,ref=${ref},mode=max`, `type=local,dest=${directory},mode=max`, 'type=inline'];
  const flags = ['-t', inline, '--push', ...to.flatMap((cache) => ['--cache-to', cache])];
  await caisson.ok(['build', ...flags, context]);
  const expected = await uuidOf([context]);
  assert.ok(readdirSync(directory).includes('index.json'));
  for (const from of [`type=registry,ref=${ref}`, ref, `type=local,src=${directory}`, inline]) {
    await caisson.ok(['builder', 'prune', '-af']);
    assert.equal(await uuidOf(['--cache-from', from, context]), expected, from);
  }
  await caisson.ok(['builder', 'prune', '-af']);
  const missing = ['--cache-from', `${registry.host}/caches/none`, '--cache-from', 'type=local,src=/nowhere'];
  assert.notEqual(await uuidOf([...missing, context]), expected);
  for (const [flag, value, why] of [
    ['--cache-to', 'type=local', /dest is missing/],
    ['--cache-to', 'type=gha', /no cache of type "gha", only inline, registry, local/],
    ['--cache-from', 'type=', /no cache of type ""/],
  ] as const)
    assert.match(await caisson.failure(['build', flag, value, context]), why);
});

test('an engine elsewhere, over TLS: contexts, results and failures cross it', async () => {
  const context = caisson.directory({
    Dockerfile:
      'FROM bb\nCOPY big /\nRUN --mount=type=secret,id=s wc -c < /big > /size; cat /run/secrets/s >> /size\n',
    big: Buffer.alloc(5_000_000, 'x'),
  });
  const env = {
    CAISSON_HOST: `tcp://127.0.0.1:${port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: certificates,
    TOKEN: 'secret\n',
  };
  const out = join(caisson.scratch, 'remote');
  const run = (args: readonly string[], environment: Readonly<Record<string, string>> = env) =>
    runProgram(process.execPath, [CAISSON, 'build', ...args], { env: environment });
  const built = await run(['--no-cache', '--secret', 'id=s,env=TOKEN', '-o', out, context]);
  assert.equal(built.exitCode, 0, built.stderr);
  assert.equal(readFileSync(join(out, 'size'), 'utf8'), '5000000\nsecret\n');
  assert.equal(statSync(join(out, 'big')).size, 5_000_000);
  const stranger = await run([context], { ...env, DOCKER_CERT_PATH: caisson.directory() });
  assert.equal(stranger.exitCode, 1);
  assert.match(stranger.stderr, /ca\.pem|certificate/i);
});

test('--check and --call say, and build nothing', async () => {
  const context = caisson.directory({
    Dockerfile: '# app\nARG VERSION=1\nFROM bb AS base\nFROM base AS app\nCMD true\n',
  });
  const before = (await caisson.ok(['images', '-aq'])).stdout;
  const outline = await caisson.ok(['build', '--call', 'outline', '--target', 'app', context]);
  assert.match(outline.stdout, /app/);
  assert.match(
    (await caisson.ok(['build', '--call', 'targets', context])).stdout,
    /^base +\napp \(default\)/m,
  );
  const checked = await caisson.run(['build', '--check', '-o', join(caisson.scratch, 'never'), context]);
  assert.equal(checked.exitCode, 1);
  assert.match(checked.stdout, /JSONArgsRecommended/);
  assert.equal(existsSync(join(caisson.scratch, 'never')), false);
  assert.equal((await caisson.ok(['images', '-aq'])).stdout, before);
  assert.match(
    await caisson.failure(['build', '--call', 'none', context]),
    /expected build, check, outline or targets/,
  );
});
