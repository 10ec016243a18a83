/** Results through Debian's buildx: archives, layouts, registries, several platforms, attestations. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { dockerOk, importBusybox, runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };

let engine: TestDaemon;
const scratch = mkdtempSync('/tmp/caisson-results-buildx-');
const context = join(scratch, 'context');

before(async () => {
  const files = mkdtempSync(join(scratch, 'files-'));
  writeFileSync(
    join(files, 'Dockerfile'),
    'FROM --platform=$BUILDPLATFORM bb AS made\nRUN echo x > /x\nFROM scratch\nCOPY --from=made /x /x\nCOPY a /a\n',
  );
  writeFileSync(join(files, 'a'), 'a');
  await runProgram('cp', ['-r', files, context]);
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const build = (...args: readonly string[]) => dockerOk(engine, ['buildx', 'build', ...args, context]);

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

test('archives and layouts that skopeo reads', async () => {
  const [archive, layout, docker] = ['oci.tar', 'layout', 'docker.tar'].map((name) => join(scratch, name));
  await build('-o', `type=oci,dest=${archive}`);
  await build('-o', `type=oci,tar=false,dest=${layout}`);
  await build('-o', `type=docker,dest=${docker},name=from/docker:1`);
  const digests = await Promise.all(
    [`oci-archive:${archive}`, `oci:${layout}`].map((source) =>
      skopeo('inspect', '--format', '{{.Digest}}', source),
    ),
  );
  assert.equal(digests[0], digests[1]);
  await dockerOk(engine, ['load', '-q', '-i', docker ?? '']);
  assert.match(await dockerOk(engine, ['image', 'ls', 'from/docker']), /from\/docker +1 /);
});

test('an index is pushed, and a push by hand sends it whole', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/several`;
  await build('--platform', 'linux/amd64,linux/arm64', '-t', `${name}:1`, '--push');
  const pushed = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:1`);
  // Two images, and what buildx has attached to each without being asked.
  assert.equal(JSON.parse(pushed).manifests.length, 4);
  await dockerOk(engine, ['tag', `${name}:1`, `${name}:2`]);
  await dockerOk(engine, ['push', '-q', `${name}:2`]);
  assert.equal(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:2`), pushed);
});

test(
  'an image is pushed as it was built the last time, though it is the same image',
  withRegistry,
  async () => {
    await using registry = await DebianRegistry.start();
    const name = `${registry.host}/team/again`;
    const pushed = async (tag: string, ...flags: readonly string[]) => {
      await build('-t', `${name}:${tag}`, '--push', ...flags);
      return JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:${tag}`));
    };
    const first = await pushed('1', '--annotation', 'index:of=first');
    assert.deepEqual(first.annotations, { of: 'first' });
    const plain = await pushed('2', '--provenance=false');
    assert.equal(plain.manifests, undefined);
    const zstd = await build(
      '--provenance=false',
      '-o',
      `type=image,name=${name}:3,push=true,compression=zstd,force-compression=true`,
    ).then(() => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:3`));
    assert.match(JSON.parse(zstd).layers[0].mediaType, /zstd$/);
    const again = await pushed('4');
    assert.equal(again.manifests.length, 2);
    assert.equal(again.annotations, undefined);
    await dockerOk(engine, ['push', '-q', `${name}:4`]);
    const byHand = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:4`);
    assert.deepEqual(JSON.parse(byHand), again);
  },
);

test('attestations, and what --metadata-file says', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/attested:1`;
  const metadata = join(scratch, 'metadata.json');
  await build('--sbom=true', '--provenance=mode=max', '-t', name, '--push', '--metadata-file', metadata);
  const index = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`));
  const { annotations } = index.manifests[1];
  assert.equal(annotations['vnd.docker.reference.type'], 'attestation-manifest');
  const told = JSON.parse(readFileSync(metadata, 'utf8'));
  const digest = await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`);
  assert.equal(told['containerimage.digest'], digest.trim());
  const provenance = await dockerOk(engine, [
    'buildx',
    'imagetools',
    'inspect',
    name,
    '--format',
    '{{json .Provenance}}',
  ]);
  assert.equal(JSON.parse(provenance).SLSA.invocation.parameters.frontend, 'dockerfile.v0');
});

test('SOURCE_DATE_EPOCH of the environment: the same digest, whenever it is built', async () => {
  const digests: string[] = [];
  for (const number of [1, 2]) {
    const archive = join(scratch, `epoch-${number}.tar`);
    const output = `type=oci,dest=${archive},rewrite-timestamp=true`;
    const args = ['buildx', 'build', '--no-cache', '-o', output, context];
    await dockerOk(engine, args, { env: { SOURCE_DATE_EPOCH: '1600000000' } });
    digests.push(await skopeo('inspect', '--format', '{{.Digest}} {{.Created}}', `oci-archive:${archive}`));
  }
  assert.equal(digests[0], digests[1]);
  assert.match(digests[0] ?? '', /2020-09-13 12:26:40/);
});

test('du and prune', async () => {
  await build('-t', 'used:1');
  assert.match(await dockerOk(engine, ['buildx', 'du', '--verbose']), /Description:.*exec .*echo x/);
  await dockerOk(engine, ['rmi', 'used:1']);
  const pruned = await dockerOk(engine, ['builder', 'prune', '-af']);
  assert.match(pruned, /^ID\s+RECLAIMABLE\s+SIZE/);
  assert.match(await dockerOk(engine, ['buildx', 'du']), /Total:\s+0B/);
});
