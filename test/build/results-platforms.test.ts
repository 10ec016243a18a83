/** Builds for several platforms: one index, whose images are made of what each platform has. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BuildEngine } from '../support/build-engine.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };
const PLATFORMS = ['linux/amd64', 'linux/arm64'];

const engine = await BuildEngine.forTests();
const { directory: scratch } = engine;

const newSession = () => new DirectorySession(mkdtempSync(join(scratch, 'session-')));

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

const dockerfileText = `FROM --platform=$BUILDPLATFORM bb AS built
ARG TARGETARCH
RUN echo "for $TARGETARCH" > /arch
FROM scratch
ARG TARGETPLATFORM
COPY common /common
COPY --from=built /arch /arch
LABEL platform=$TARGETPLATFORM
`;
const files = [{ path: 'common', content: 'the same', mode: 0o644 }];
const wish = { dockerfileText, files, platforms: PLATFORMS };

test('an index in a registry, and each image of it', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/app:1`;
  const outputs = [{ type: 'image', attributes: { name, push: 'true' } }] as const;
  const { response, events, references } = await engine.build({ ...wish, outputs });
  assert.deepEqual(references, [name]);
  const index = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`));
  assert.equal(index.mediaType, 'application/vnd.oci.image.index.v1+json');
  const platforms = index.manifests.map(({ platform }: { platform: { os: string; architecture: string } }) =>
    [platform.os, platform.architecture].join('/'),
  );
  assert.deepEqual(platforms, PLATFORMS);
  assert.match(response['containerimage.digest'] ?? '', /^sha256:/);
  for (const platform of PLATFORMS) {
    const [, architecture = ''] = platform.split('/');
    const shown = await skopeo(
      `--override-arch=${architecture}`,
      'inspect',
      '--tls-verify=false',
      `docker://${name}`,
    );
    const inspected = JSON.parse(shown);
    assert.equal(inspected.Architecture, architecture);
    assert.equal(inspected.Labels.platform, platform);
    assert.equal(inspected.Layers.length, 2);
  }
  const names = events.flatMap((event) => (event.type === 'vertex' ? [event.vertex.name] : []));
  assert.ok(names.includes('[linux/arm64 stage-1 1/2] COPY common /common'), names.join('\n'));
});

test('in the store the name means this machine, and the other platform is found beside it', async () => {
  await engine.build({ ...wish, references: ['several:1'] });
  const { images } = engine.engine;
  const [host = '', other = ''] = process.arch === 'arm64' ? PLATFORMS.toReversed() : PLATFORMS;
  assert.equal((await images.inspect('several:1')).config.architecture, host.split('/')[1]);
  const architecture = other.split('/')[1] ?? '';
  const found = await images.inspect('several:1', { platform: { os: 'linux', architecture } });
  assert.equal(found.config.architecture, architecture);
  assert.deepEqual(found.config.config.Labels, { platform: other });
  const { manifests } = await images.inspect('several:1', { manifests: true });
  assert.deepEqual(
    manifests?.map(({ subject, isHere }) => [subject.kind, isHere]),
    [
      ['image', true],
      ['image', true],
    ],
  );
});

test('trees are side by side, an archive holds the index', async () => {
  const session = newSession();
  const outputs = [
    { type: 'local', attributes: {} },
    { type: 'oci', attributes: {} },
    { type: 'tar', attributes: { 'platform-split': 'false' } },
  ] as const;
  const differing = engine.build({ ...wish, outputs, session });
  await assert.rejects(differing, /arch is made for more than one platform; use platform-split/);
  for (const [platform, text] of [
    ['linux_amd64', 'for amd64\n'],
    ['linux_arm64', 'for arm64\n'],
  ] as const)
    assert.equal(readFileSync(join(session.directory, '0', platform, 'arch'), 'utf8'), text);
  const raw = await skopeo('inspect', '--raw', `oci-archive:${join(session.directory, '1')}`);
  assert.equal(JSON.parse(raw).manifests.length, 2);
  const single = engine.build({ ...wish, outputs: [{ type: 'docker', attributes: {} }], session });
  await assert.rejects(single, /docker exporter does not currently support exporting manifest lists/);
});

test('equal platforms are built once; what is none is refused', async () => {
  const outputs = [{ type: 'cacheonly', attributes: {} }] as const;
  const { events } = await engine.build({ ...wish, outputs, platforms: ['linux/arm64', 'linux/arm64/v8'] });
  const names = events.flatMap((event) => (event.type === 'vertex' ? [event.vertex.name] : []));
  assert.ok(!names.some((name) => name.includes('linux/')), names.join('\n'));
  await assert.rejects(engine.build({ ...wish, platforms: ['linux/arm 64'] }), /Cannot use platform/);
});
