/** Provenance and lists of packages, attached to images as BuildKit does, and read by other programs. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { BuildEngine } from '../support/build-engine.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };

const engine = await BuildEngine.forTests();
const { directory: scratch } = engine;

const dockerfileText = `FROM bb
ARG TOKEN
COPY status /var/lib/dpkg/status
RUN --mount=type=secret,id=key true
`;
const status = 'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n';
const files = [{ path: 'status', content: status, mode: 0o644 }];
const wish = { dockerfileText, files, buildArgs: { TOKEN: 'told in max only' } };
const newSession = () => new DirectorySession(mkdtempSync(join(scratch, 'session-')));

async function program(name: string, ...args: readonly string[]): Promise<string> {
  const outcome = await runProgram(name, args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

test('an index with what is claimed, readable by skopeo and buildx', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/app:1`;
  const outputs = [{ type: 'image', attributes: { name, push: 'true' } }] as const;
  const attestations = { provenance: { mode: 'max' }, sbom: {} };
  const { response, id } = await engine.build({ ...wish, outputs, attestations, session: newSession() });
  const index = JSON.parse(
    await program('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`),
  );
  const [image, attached] = index.manifests;
  assert.deepEqual(attached.platform, { architecture: 'unknown', os: 'unknown' });
  assert.deepEqual(attached.annotations, {
    'vnd.docker.reference.digest': image.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  });
  const repository = `docker://${registry.host}/team/app@${attached.digest}`;
  const manifest = JSON.parse(await program('skopeo', 'inspect', '--raw', '--tls-verify=false', repository));
  assert.deepEqual(
    manifest.layers.map(({ annotations }: { annotations: object }) => annotations),
    [
      { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' },
      { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v0.2' },
    ],
  );
  const shown = async (field: string) =>
    await program('docker', 'buildx', 'imagetools', 'inspect', name, '--format', `{{json ${field}}}`);
  const { SPDX } = JSON.parse(await shown('.SBOM'));
  assert.equal(SPDX.packages[0].externalRefs[0].referenceLocator, 'pkg:deb/debian/bash@5.2?arch=amd64');
  const { SLSA } = JSON.parse(await shown('.Provenance'));
  assert.equal(SLSA.buildType, 'https://mobyproject.org/buildkit@v1');
  assert.match(SLSA.materials[0].uri, /^pkg:docker\/bb@latest\?platform=linux%2F/);
  assert.equal(SLSA.invocation.parameters.args['build-arg:TOKEN'], 'told in max only');
  assert.deepEqual(SLSA.invocation.parameters.secrets, [{ id: 'key', optional: true }]);
  // The engine tells the same of the image that it has.
  const told = (predicateTypes: readonly string[]) =>
    engine.engine.images.attestations(id ?? '', {
      predicateTypes,
      withStatements: predicateTypes.length > 0,
    });
  assert.deepEqual(
    told([]).map(({ descriptor }) => descriptor.digest),
    manifest.layers.map(({ digest }: { digest: string }) => digest),
  );
  const [document, ...others] = told(['https://spdx.dev/Document']);
  assert.deepEqual(others, []);
  assert.deepEqual(document?.statement?.['predicate'], SPDX);
  // The image without attestations is still the same.
  assert.ok(id);
  assert.match(response['containerimage.digest'] ?? '', /^sha256:/);
  assert.equal(response['containerimage.config.digest'], undefined);
});

test('mode=min and version 1 in a tree of files; their subjects are the files', async () => {
  const session = newSession();
  const outputs = [{ type: 'local', attributes: { 'attestation-prefix': 'about-' } }] as const;
  const attestations = { provenance: { mode: 'min', version: 'v1' }, sbom: { generator: 'caisson' } };
  await engine.build({ ...wish, outputs, attestations, session });
  const read = (name: string) => JSON.parse(readFileSync(join(session.directory, '0', name), 'utf8'));
  const provenance = read('about-provenance.json');
  assert.equal(provenance.predicateType, 'https://slsa.dev/provenance/v1');
  assert.ok(provenance.subject.some(({ name }: { name: string }) => name === 'var/lib/dpkg/status'));
  assert.ok(!JSON.stringify(provenance).includes('told in max only'));
  const { predicate } = read('about-sbom.spdx.json');
  assert.equal(predicate.packages[0].name, 'bash');
});

test('version 1 has the fields of its specification', async () => {
  const session = newSession();
  const attestations = { provenance: { mode: 'max', version: 'v1', 'builder-id': 'https://example.org/b' } };
  await engine.build({ ...wish, outputs: [{ type: 'local', attributes: {} }], attestations, session });
  const { predicate } = JSON.parse(readFileSync(join(session.directory, '0/provenance.json'), 'utf8'));
  const { buildDefinition, runDetails } = predicate;
  assert.deepEqual(Object.keys(predicate), ['buildDefinition', 'runDetails']);
  const { externalParameters, internalParameters, resolvedDependencies } = buildDefinition;
  assert.match(buildDefinition.buildType, /^https:\/\//);
  assert.equal(externalParameters.configSource.path, 'Dockerfile');
  assert.deepEqual(Object.keys(internalParameters), ['buildConfig', 'builderPlatform']);
  assert.match(resolvedDependencies[0].digest.sha256, /^[0-9a-f]{64}$/);
  assert.equal(runDetails.builder.id, 'https://example.org/b');
  const { invocationId, startedOn, finishedOn, ...more } = runDetails.metadata;
  assert.match(invocationId, /./);
  for (const time of [startedOn, finishedOn])
    assert.equal(new Date(time).toISOString().slice(0, 19), time.slice(0, 19));
  assert.deepEqual(more.buildkit_completeness, { request: true, resolvedDependencies: false });
});

test('what was fetched is told with its digest, and without the password; with nothing else, it is all', async () => {
  const texts = new Map([['/file', 'fetched']]);
  const answer: RequestListener = ({ url = '' }, response) => response.end(texts.get(url));
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const place = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  texts.set('/Dockerfile', `FROM bb\nADD http://me:hidden@${place}/file /\nRUN true\n`);
  const session = newSession();
  await engine.build({
    context: { kind: 'remote', url: `http://token@${place}/Dockerfile` },
    attestations: { provenance: { mode: 'min' } },
    outputs: [{ type: 'local', attributes: {} }],
    session,
  });
  server.close();
  const { predicate } = JSON.parse(readFileSync(join(session.directory, '0/provenance.json'), 'utf8'));
  const materialOf = (uri: string, path: string) => {
    const sha256 = createHash('sha256')
      .update(texts.get(path) ?? '')
      .digest('hex');
    return { uri, digest: { sha256 } };
  };
  const context = materialOf(`http://xxxxx@${place}/Dockerfile`, '/Dockerfile');
  const file = materialOf(`http://xxxxx:xxxxx@${place}/file`, '/file');
  assert.deepEqual(predicate.materials.slice(0, 2), [file, context]);
  assert.deepEqual(predicate.invocation.configSource, { ...context, entryPoint: 'Dockerfile' });
  assert.equal(predicate.invocation.parameters.locals, undefined);
  assert.deepEqual(predicate.metadata.completeness, { parameters: true, environment: true, materials: true });
  assert.equal(predicate.metadata['https://mobyproject.org/buildkit@v1#hermetic'], true);
});

test('what is only to be attached where that can be is left out elsewhere', async () => {
  const session = newSession();
  const attestations = { provenance: { mode: 'min', 'inline-only': 'true' } };
  const outputs = [
    { type: 'local', attributes: {} },
    { type: 'oci', attributes: {} },
    { type: 'image', attributes: { name: 'plain:1' } },
  ] as const;
  const { response, id } = await engine.build({ ...wish, outputs, attestations, session });
  assert.ok(!session.trees[0]?.includes('provenance.json'));
  const raw = await program('skopeo', 'inspect', '--raw', `oci-archive:${join(session.directory, '1')}`);
  assert.match(raw, /image\.manifest/);
  assert.equal(response['containerimage.digest'], id);
});

test('what cannot be claimed is refused before anything is built', async () => {
  const cases: readonly (readonly [Record<string, Record<string, string>>, RegExp])[] = [
    [{ horoscope: {} }, /unknown attestation type "horoscope"/],
    [{ provenance: { mode: 'medium' } }, /provenance: mode="medium": one of min, max, full expected/],
    [
      { sbom: { generator: '127.0.0.1:1/no/scanner' } },
      /Cannot list packages with 127\.0\.0\.1:1\/no\/scanner/,
    ],
  ];
  for (const [attestations, pattern] of cases)
    await assert.rejects(engine.build({ ...wish, attestations }), pattern);
});
