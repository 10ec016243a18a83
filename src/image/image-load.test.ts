import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  tar,
  sha256,
  hex,
  json,
  configFor,
  dockerArchive,
  LAYERS,
  temporaryRoot,
  open,
  load,
  contentOf,
} from './image-store.fixture.ts';

const root = temporaryRoot();

function by(program: string): (content: Buffer) => Buffer {
  return (input) => spawnSync(program, { input, maxBuffer: 1 << 24 }).stdout;
}

describe('load', () => {
  for (const [name, compress] of [
    ['plain', (layer: Buffer) => layer],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['xz', by('xz')],
    ['bzip2', by('bzip2')],
  ] as const)
    it(`takes a docker-archive with ${name} layers, itself plain or compressed`, async () => {
      await using engine = await open(root.path);
      const config = configFor(LAYERS);
      const archive = dockerArchive({ layers: LAYERS, tags: ['a/b:1', 'c:latest'], compress });
      for (const form of [archive, compress(archive)]) {
        assert.equal(await load(engine, form), 'loaded a/b:1\nloaded c:latest\n');
        const { id, layers, config: defaults } = engine.images.resolve('c');
        assert.equal(id, sha256(config));
        assert.deepEqual(layers, LAYERS.map(sha256));
        assert.deepEqual(defaults.Cmd, ['sh']);
        for (const layer of LAYERS)
          assert.deepEqual(await buffer(await engine.layers.read(sha256(layer))), layer);
      }
      const actions = engine.events.map(({ action, attributes }) => [
        action,
        attributes['name'],
        attributes['tier'],
      ]);
      assert.deepEqual(actions[0], ['load', sha256(config), 'test']);
      assert.equal((await contentOf(engine)).length, 7);
    });

  it('takes several images that share layers, and says the id of one without a name', async () => {
    await using engine = await open(root.path);
    const output = await load(
      engine,
      dockerArchive({ layers: LAYERS.slice(0, 1) }, { layers: LAYERS, tags: ['x:1'] }),
    );
    assert.equal(output, `loaded ${sha256(configFor(LAYERS.slice(0, 1)))}\nloaded x:1\n`);
    assert.equal(engine.layers.list().length, 3);
  });

  it('says when a name moves to another image', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS.slice(0, 1), tags: ['x:1'] }));
    const old = engine.images.resolve('x:1').id;
    assert.equal(
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['x:1'] })),
      `x:1 was ${old}\nloaded x:1\n`,
    );
    assert.deepEqual((await engine.images.inspect(old)).tags, []);
  });

  it('follows links between layers', async () => {
    await using engine = await open(root.path);
    const config = configFor([LAYERS[1]!, LAYERS[1]!]);
    const archive = tar({
      'a/layer.tar': LAYERS[1]!,
      'b/layer.tar': '-> ../a/layer.tar',
      'c.json': config,
      'manifest.json': json([
        { Config: './c.json', RepoTags: ['l:1'], Layers: ['a/layer.tar', 'b/layer.tar'] },
      ]),
    });
    assert.equal(await load(engine, archive), 'loaded l:1\n');
    assert.equal(engine.images.resolve('l:1').layers.length, 2);
  });

  it('takes an OCI layout, through an index to the image for this machine', async () => {
    await using engine = await open(root.path);
    const members: Record<string, Buffer> = { 'oci-layout': json({ imageLayoutVersion: '1.0.0' }) };
    const blob = (content: Buffer, mediaType: string) => {
      members[`blobs/sha256/${hex(content)}`] = content;
      return { mediaType, digest: sha256(content), size: content.length };
    };
    const zipped = LAYERS.map((layer) => gzipSync(layer));
    const manifest = json({
      schemaVersion: 2,
      config: blob(configFor(LAYERS), 'application/vnd.oci.image.config.v1+json'),
      layers: zipped.map((layer) => blob(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
    });
    const foreign = json({
      schemaVersion: 2,
      config: blob(configFor([], { architecture: 's390x' }), 'x'),
      layers: [],
    });
    const manifestType = 'application/vnd.oci.image.manifest.v1+json';
    const index = json({
      schemaVersion: 2,
      manifests: [
        { ...blob(foreign, manifestType), platform: { os: 'linux', architecture: 's390x' } },
        { ...blob(manifest, manifestType), platform: { os: 'linux', architecture: 'amd64' } },
      ],
    });
    const top = blob(index, 'application/vnd.oci.image.index.v1+json');
    members['index.json'] = json({
      schemaVersion: 2,
      manifests: [
        { ...top, annotations: { 'io.containerd.image.name': 'docker.io/library/multi:1' } },
        { ...top, annotations: { 'org.opencontainers.image.ref.name': 'example.com/m:2' } },
        { ...top, annotations: { 'org.opencontainers.image.ref.name': 'latest' } },
      ],
    });
    assert.equal(await load(engine, tar(members)), 'loaded multi:1\nloaded example.com/m:2\n');
    assert.equal(engine.images.resolve('multi:1').id, sha256(configFor(LAYERS)));
    // The image for the other platform is there, too: one more blob.
    assert.equal((await contentOf(engine)).length, 8);
  });

  it('takes the oldest archives: a chain of layers that name their parents, with the ids that Docker gives', async () => {
    await using engine = await open(root.path);
    const [base, top] = ['a'.repeat(64), 'b'.repeat(64)];
    const common = { docker_version: '1.9.1', os: 'linux', architecture: 'amd64' };
    const configuration = { Env: ['A=<b> & c'], Cmd: ['sh'] };
    const lowest = { id: base, created: '2014-01-02T03:04:05.123456789Z', Size: 100, ...common };
    const upper = {
      id: top,
      parent: base,
      created: '2014-01-02T03:05:05Z',
      config: configuration,
      ...common,
    };
    const members = {
      [`${base}/VERSION`]: '1.0',
      [`${base}/json`]: json({ ...lowest, container_config: { Cmd: ['ADD', 'x'] } }),
      [`${base}/layer.tar`]: LAYERS[0]!,
      [`${top}/json`]: json({ ...upper, author: 'me', container_config: { Cmd: ['a > b'] } }),
      [`${top}/layer.tar`]: LAYERS[1]!,
      repositories: json({ 'old/app': { '1': top } }),
    };
    assert.equal(await load(engine, tar(members)), 'loaded old/app:1\n');
    const [lower, higher] = [sha256(LAYERS[0]!), sha256(LAYERS[1]!)];
    const rest = String.raw`"config":{"Env":["A=\u003cb\u003e \u0026 c"],"Cmd":["sh"]},"container_config":{"Cmd":["a \u003e b"]},"created":"2014-01-02T03:05:05Z","docker_version":"1.9.1","history":[{"created":"2014-01-02T03:04:05.123456789Z","created_by":"ADD x"},{"created":"2014-01-02T03:05:05Z","created_by":"a \u003e b","author":"me"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["${lower}","${higher}"]}`;
    const image = await engine.images.inspect('old/app:1');
    assert.equal(image.id, sha256(Buffer.from(`{"architecture":"amd64","author":"me",${rest}}`)));
    assert.deepEqual((await engine.images.inspect(image.parent ?? '')).config.rootfs.diff_ids, [lower]);
    const removals = await engine.images.remove('old/app:1', { force: false, prune: true });
    assert.equal(removals.filter(({ kind }) => kind === 'deleted').length, 4);
    // One whose parent is not there.
    delete members[`${base}/json`];
    await assert.rejects(load(engine, tar(members)), /open a+.json: no such file or directory/);
  });

  it('keeps what it acknowledged, and forgets the rest of a killed process', async () => {
    const archive = join(root.path, 'archive.tar');
    writeFileSync(archive, dockerArchive({ layers: LAYERS, tags: ['kept:1'] }));
    const child = spawn(process.execPath, [
      new URL('load-and-die.fixture.ts', import.meta.url).pathname,
      root.path,
      archive,
    ]);
    child.stderr.pipe(process.stderr);
    assert.equal(
      await new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal))),
      'SIGKILL',
    );
    rmSync(archive);
    const unfinished =
      readdirSync(join(root.path, 'content/blobs/sha256')).length +
      readdirSync(join(root.path, 'content/ingest')).length;
    await using engine = await open(root.path);
    assert.equal(engine.images.resolve('kept:1').layers.length, 3);
    assert.equal((await contentOf(engine)).length, 7);
    assert.ok(unfinished > 4, 'the process died with work under way');
    assert.deepEqual(readdirSync(join(root.path, 'content/ingest')), []);
  });
});
