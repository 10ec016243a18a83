/** Where the results of builds go: the store, registries, archives and trees, checked by other programs. */
import assert from 'node:assert/strict';
import { createReadStream, lstatSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import type { RegistryCredentials } from '../../src/registry/credentials.ts';
import { BuildEngine } from '../support/build-engine.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };

const engine = await BuildEngine.forTests();
const { directory: scratch } = engine;

const newSession = (auth?: RegistryCredentials) =>
  new DirectorySession(mkdtempSync(join(scratch, 'session-')), auth);

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

const dockerfileText = `FROM scratch
COPY a /dir/a
COPY a /dir/b
LABEL made=here
`;
const files = [{ path: 'a', content: 'content of a', mode: 0o640 }];

test('image: stored, named, and what clients are told of it', async () => {
  const { id, references, response } = await engine.build({ dockerfileText, files, references: ['r/app'] });
  assert.deepEqual(references, ['r/app:latest']);
  assert.equal((await engine.engine.images.inspect('r/app')).id, id);
  assert.deepEqual(response, {
    'containerimage.digest': id,
    'containerimage.config.digest': id,
    'image.name': 'docker.io/r/app:latest',
  });
});

test(
  'image with names, annotations and push: skopeo finds the same in the registry',
  withRegistry,
  async () => {
    await using registry = await DebianRegistry.start();
    const name = `${registry.host}/team/app`;
    const attributes = {
      name: `${name}:1,${name}:2`,
      push: 'true',
      'annotation.org.opencontainers.image.title': 'App',
    };
    const outputs = [{ type: 'image', attributes }] as const;
    const { id, references, response } = await engine.build({ dockerfileText, files, outputs });
    assert.deepEqual(references, [`${name}:1`, `${name}:2`]);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:2`);
    const manifest = JSON.parse(raw);
    assert.equal(manifest.config.digest, id);
    assert.equal(manifest.annotations['org.opencontainers.image.title'], 'App');
    const digest = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--format',
      '{{.Digest}}',
      `docker://${name}:1`,
    );
    assert.equal(response['containerimage.digest'], digest.trim());
    const { digests } = await engine.engine.images.inspect(`${name}:1`);
    assert.deepEqual(digests, [`${name}@${digest.trim()}`]);
    assert.equal(response['containerimage.config.digest'], id);
    const descriptor = JSON.parse(
      Buffer.from(response['containerimage.descriptor'] ?? '', 'base64').toString(),
    );
    assert.equal(descriptor.size, Buffer.byteLength(raw));
    // A push by hand sends the same bytes.
    const pushed = (await Array.fromAsync(engine.engine.images.push({ reference: `${name}:1` }))).at(-1);
    assert.deepEqual(pushed?.kind === 'pushed-tag' && [pushed.tag, pushed.digest], ['1', digest.trim()]);
  },
);

test('registry: pushed and not stored; credentials of the client', withRegistry, async () => {
  const user = { name: 'me', password: 'secret' };
  await using registry = await DebianRegistry.start({ user });
  const name = `${registry.host}/private/app:1`;
  const outputs = [{ type: 'registry', attributes: { name } }] as const;
  const before = await engine.engine.images.list({ all: true, filters: new Map(), sharedSize: false });
  const refused = engine.build({ dockerfileText: `${dockerfileText}LABEL x=y\n`, files, outputs });
  await assert.rejects(refused, (error) => error instanceof EngineError && /auth/.test(error.message));
  const credentials = { [registry.host]: { username: user.name, password: user.password } };
  const built = await engine.build({
    dockerfileText: `${dockerfileText}LABEL x=y\n`,
    files,
    outputs,
    credentials,
  });
  assert.equal(built.id, undefined);
  const session = newSession({ username: user.name, password: user.password });
  await engine.build({ dockerfileText, files, outputs, session });
  const shown = await skopeo('inspect', '--tls-verify=false', '--creds', 'me:secret', `docker://${name}`);
  assert.deepEqual(JSON.parse(shown).Labels, { made: 'here' });
  const now = await engine.engine.images.list({ all: true, filters: new Map(), sharedSize: false });
  assert.equal(now.length, before.length);
});

test('local and tar: the files of the image, and nothing else', async () => {
  const session = newSession();
  const text = `FROM bb AS made
RUN mkdir -p /out/d && echo x > /out/d/f && ln -s f /out/d/l && ln /out/d/f /out/d/hard && chmod 751 /out/d
FROM scratch
COPY --from=made /out/ /
COPY a /a
`;
  const outputs = [
    { type: 'local', attributes: {} },
    { type: 'tar', attributes: {} },
  ] as const;
  const { id, references } = await engine.build({ dockerfileText: text, files, outputs, session });
  assert.equal(id, undefined);
  assert.deepEqual(references, []);
  assert.deepEqual(session.trees, [['a', 'd', 'd/f', 'd/hard', 'd/l']]);
  const root = join(session.directory, '0');
  assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'content of a');
  assert.equal(statSync(join(root, 'a')).mode & 0o777, 0o640);
  assert.equal(lstatSync(join(root, 'd')).mode & 0o777, 0o751);
  assert.equal(readFileSync(join(root, 'd/hard'), 'utf8'), 'x\n');
  const listing = await runProgram('tar', ['-tf', join(session.directory, '1')]);
  assert.deepEqual(listing.stdout.trim().split('\n'), ['a', 'd/', 'd/f', 'd/hard', 'd/l']);
});

test('oci: an archive and a tree that skopeo reads', async () => {
  const session = newSession();
  const outputs = [
    { type: 'oci', attributes: { name: 'r/app:1' } },
    { type: 'oci', attributes: { tar: 'false', compression: 'zstd' } },
  ] as const;
  const { response } = await engine.build({ dockerfileText, files, outputs, session });
  const archive = join(session.directory, '0');
  assert.equal(JSON.parse(await skopeo('inspect', `oci-archive:${archive}:1`)).Labels.made, 'here');
  const tree = join(session.directory, '1');
  assert.deepEqual(readdirSync(tree).toSorted(), ['blobs', 'index.json', 'oci-layout']);
  const inspected = JSON.parse(await skopeo('inspect', `oci:${tree}`));
  assert.equal(inspected.Digest, response['containerimage.digest']);
  assert.match(inspected.LayersData[0].MIMEType, /zstd$/);
});

test('docker: an archive that docker load and podman read', async () => {
  const session = newSession();
  const outputs = [{ type: 'docker', attributes: { name: 'r/app:1' } }] as const;
  const { response } = await engine.build({ dockerfileText, files, outputs, session });
  const archive = join(session.directory, '0');
  const shown = await skopeo('inspect', '--config', '--raw', `docker-archive:${archive}`);
  assert.equal(JSON.parse(shown).config.Labels.made, 'here');
  await using other = await BuildEngine.start();
  await Array.fromAsync(other.engine.images.load(createReadStream(archive), {}));
  assert.equal(other.engine.images.resolve('r/app:1').id, response['containerimage.config.digest']);
});

test('a client that goes away while it is sent a result', async () => {
  const text = 'FROM bb\nRUN dd if=/dev/zero of=/large bs=1M count=8 2>/dev/null\n';
  const gone = new Error('the client is gone');
  for (const type of ['tar', 'oci', 'local'] as const) {
    const session = newSession();
    const leave = new AbortController();
    session.openFile = async () =>
      new Writable({ write: (_chunk, _encoding, callback) => callback(gone), highWaterMark: 1 });
    session.sendTree = async (_output, tree) => {
      for await (const entry of tree.entries())
        if (entry.path === 'large') {
          leave.abort(gone);
          tree.contents(entry).destroy();
          throw gone;
        }
    };
    const outputs = [{ type, attributes: {} }] as const;
    const { signal } = leave;
    await assert.rejects(
      engine.build({ dockerfileText: text, outputs, session, signal }),
      /the client is gone/,
    );
  }
  // Nothing of it stays in the way.
  const { cachedSteps } = await engine.build({ dockerfileText: text, references: ['after'] });
  assert.equal(cachedSteps, 1);
});

test('what attributes get wrong is said', async () => {
  const cases: readonly (readonly ['image' | 'oci' | 'docker', Record<string, string>, RegExp])[] = [
    ['image', { push: 'perhaps' }, /export as image: push="perhaps": true or false expected/],
    ['image', { push: 'true' }, /push="true": the image needs a name/],
    ['oci', { compression: 'lzma' }, /compression="lzma": one of uncompressed, gzip, zstd, estargz expected/],
    ['oci', { 'source-date-epoch': 'x' }, /source-date-epoch="x": a whole number expected/],
    ['docker', { 'annotation.a': 'b' }, /annotations with oci-mediatypes=false/],
    ['oci', { 'annotation-nowhere.a': 'b' }, /nowhere is not where annotations can be/],
    ['oci', { 'annotation[linux/s390x].a': 'b' }, /annotations for linux\/s390x/],
    ['image', { name: 'UPPER' }, /must be lowercase/],
  ];
  for (const [type, attributes, pattern] of cases)
    await assert.rejects(
      engine.build({ dockerfileText, files, outputs: [{ type, attributes }], session: newSession() }),
      pattern,
    );
  await assert.rejects(
    engine.build({ dockerfileText, files, outputs: [{ type: 'tar', attributes: {} }] }),
    /the client has no session/,
  );
});
