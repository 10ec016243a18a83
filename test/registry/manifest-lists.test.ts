/** `caisson manifest` beside `docker manifest`, against Debian's registry and ours; skopeo reads what they make. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { platformArchive } from '../fixtures/platform-archive.ts';
import { Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { type Outcome, runProgram } from '../support/docker.ts';

/** The source, not what may have been compiled from an older one. */
const caisson = join(import.meta.dirname, '../../src/main/caisson.ts');

let engine: TestDaemon;
let scratch = '';
before(async () => {
  scratch = mkdtempSync('/tmp/caisson-manifest-lists-');
  engine = await TestDaemon.start();
});
after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** One command line of `manifest`, with a place of its own for the lists in the making. */
type Manifest = (...args: readonly string[]) => Promise<Outcome>;

function clients(name: string): { readonly ours: Manifest; readonly dockers: Manifest } {
  const env = { DOCKER_CONFIG: join(scratch, name) };
  const dockersEnv = { DOCKER_CONFIG: join(scratch, `${name}-docker`) };
  return {
    ours: (...args) =>
      runProgram(process.execPath, [caisson, '-H', engine.host, 'manifest', ...args], { env }),
    dockers: (verb = '', ...args) => {
      const flags = verb === 'rm' || verb === 'annotate' ? [] : ['--insecure'];
      return runProgram('docker', ['manifest', verb, ...flags, ...args], { env: dockersEnv });
    },
  };
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

/** `app:amd64` and, in a repository of its own, `other:arm64`. */
async function pushPlatforms(host: string, format: string): Promise<void> {
  for (const [repository, architecture] of [
    ['app', 'amd64'],
    ['other', 'arm64'],
  ] as const) {
    const archive = join(scratch, `${architecture}.tar`);
    writeFileSync(archive, platformArchive(architecture));
    const target = `docker://${host}/${repository}:${architecture}`;
    await skopeo('copy', '-q', '--dest-tls-verify=false', '-f', format, `docker-archive:${archive}`, target);
  }
}

interface Registry extends AsyncDisposable {
  readonly host: string;
}

async function startOwn(): Promise<Registry> {
  const served = await Served.start();
  return { host: served.registry.address, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

const registries: readonly (readonly [string, () => Promise<Registry>, boolean])[] = [
  ["Debian's registry", () => DebianRegistry.start(), DebianRegistry.isInstalled],
  ['our registry', startOwn, true],
];

for (const [name, start, isThere] of registries)
  describe(name, { skip: !isThere && 'docker-registry is not installed' }, () => {
    test('a list made here is the one that Docker makes, and everybody reads it', async () => {
      await using registry = await start();
      const { host } = registry;
      await pushPlatforms(host, 'v2s2');
      const list = `${host}/app:multi`;
      const [one, two] = [`${host}/app:amd64`, `${host}/other:arm64`];
      const { ours, dockers } = clients(`same-${name.length}`);
      const both = async (...args: readonly string[]): Promise<Outcome> => {
        const [mine, theirs] = [await ours(...args), await dockers(...args)];
        assert.deepEqual(mine, theirs, args.join(' '));
        return mine;
      };
      await both('inspect', one);
      await both('inspect', '-v', two);
      assert.equal((await both('create', list, one, two)).exitCode, 0);
      assert.equal((await both('create', list, one)).exitCode, 1);
      await both('create', '--amend', list, one);
      await both('annotate', list, two, '--variant', 'v7', '--os-features', 'a,b', '--os-version', '1');
      await both('inspect', list);
      await both('inspect', list, two);
      await both('inspect', '-v', list, two);
      await both('annotate', list, `${host}/app:none`);
      const { stdout } = await both('push', '--purge', list);
      assert.match(stdout, /^Pushed ref .*\/app@sha256:\w+ with digest: sha256:\w+\nsha256:\w+\n$/);
      await both('push', list);
      await both('rm', list);
      await both('inspect', list);
      await both('inspect', '-v', list);
      await both('create', `${host}/app:nested`, list);
      await both('inspect', `${host}/app:none`);
      const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${list}`);
      const { manifests } = JSON.parse(raw);
      assert.deepEqual(
        manifests.map(({ platform }: { platform: object }) => platform),
        [
          { architecture: 'amd64', os: 'linux' },
          { architecture: 'arm64', os: 'linux', 'os.version': '1', 'os.features': ['a', 'b'], variant: 'v7' },
        ],
      );
      // What lay in another repository can be had from this one, blobs and all.
      const arm = ['--override-arch', 'arm64', '--override-variant', 'v7', '--src-tls-verify=false'];
      await skopeo('copy', '-q', ...arm, `docker://${list}`, `dir:${join(scratch, `arm-${name.length}`)}`);
    });

    test('OCI manifests make an OCI index', async () => {
      await using registry = await start();
      await pushPlatforms(registry.host, 'oci');
      const list = `${registry.host}/third:multi`;
      const { ours } = clients(`oci-${name.length}`);
      const made = await ours('create', list, `${registry.host}/app:amd64`, `${registry.host}/other:arm64`);
      assert.equal(made.exitCode, 0, made.stderr);
      const pushed = await ours('push', list);
      assert.equal(pushed.exitCode, 0, pushed.stderr);
      const raw = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${list}`));
      assert.equal(raw.mediaType, 'application/vnd.oci.image.index.v1+json');
      assert.equal(raw.manifests.length, 2);
      const pulled = await runProgram(process.execPath, [caisson, '-H', engine.host, 'pull', '-q', list]);
      assert.equal(pulled.exitCode, 0, pulled.stderr);
    });
  });

test('a registry elsewhere, and one that is not there', async () => {
  await using registry = await startOwn();
  await pushPlatforms(registry.host, 'v2s2');
  const { ours } = clients('elsewhere');
  const list = 'localhost:1/app:multi';
  assert.equal((await ours('create', list, `${registry.host}/app:amd64`)).exitCode, 0);
  const pushed = await ours('push', list);
  assert.equal(pushed.exitCode, 1);
  assert.match(pushed.stderr, /cannot use source images from a different registry than the target image/);
  const refused = await ours('inspect', list.replace('multi', 'none'));
  assert.match(refused.stderr, /Cannot reach|connection refused|ECONNREFUSED/i);
});
