import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError, type ErrorCode } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { createLayerStore, type FileLayerStore } from '#layer/layer-store.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { Leases } from '#store/leases.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import type { DomainEvent } from '#wire/event.ts';
import { NO_FILTERS } from '#wire/filters.ts';
import { createImageStore, type FileImageStore, imageMigrations } from './image-store.ts';

type Members = Readonly<Record<string, Buffer | string>>;

/** A tar of files; names that end in a slash are directories, contents `-> x` symlinks. */
function tar(members: Members): Buffer {
  const parts = Object.entries(members).flatMap(([path, content]) => {
    if (path.endsWith('/')) return [encodeHeader({ path, type: 'directory' })];
    if (typeof content === 'string' && content.startsWith('-> '))
      return [encodeHeader({ path, type: 'symlink', linkName: content.slice(3) })];
    const data = Buffer.from(content);
    return [encodeHeader({ path, type: 'file', sizeBytes: data.length }), data, paddingFor(data.length)];
  });
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

function sha256(content: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

function hex(content: Buffer): string {
  return sha256(content).slice(7);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function configFor(layers: readonly Buffer[], extra: object = {}): Buffer {
  return json({
    architecture: 'amd64',
    os: 'linux',
    created: '2024-05-06T07:08:09Z',
    config: { Cmd: ['sh'], Labels: { tier: 'test' } },
    rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
    history: layers.map((_, index) => ({ created: '2024-05-06T07:08:09Z', created_by: `step ${index}` })),
    ...extra,
  });
}

interface ArchiveImage {
  readonly layers: readonly Buffer[];
  readonly tags?: readonly string[];
  readonly config?: Buffer;
  readonly compress?: (layer: Buffer) => Buffer;
}

/** What `docker save` of before version 25 wrote: a directory a layer. */
function dockerArchive(...images: readonly ArchiveImage[]): Buffer {
  const members: Record<string, Buffer | string> = {};
  const manifest = images.map(
    ({ layers, tags = null, config = configFor(layers), compress = (same) => same }) => {
      members[`${hex(config)}.json`] = config;
      for (const layer of layers) {
        members[`${hex(layer)}/`] = '';
        members[`${hex(layer)}/VERSION`] = '1.0';
        members[`${hex(layer)}/layer.tar`] = compress(layer);
      }
      return {
        Config: `${hex(config)}.json`,
        RepoTags: tags,
        Layers: layers.map((layer) => `${hex(layer)}/layer.tar`),
      };
    },
  );
  return tar({ ...members, 'manifest.json': json(manifest), repositories: '{}' });
}

/** Small and large layers: the first wait in memory, the others stream. */
const LAYERS = [
  tar({ 'etc/': '', 'etc/hello': 'hello' }),
  tar({ big: randomBytes(300_000) }),
  tar({ other: randomBytes(100_000), link: '-> big' }),
];

interface Engine extends AsyncDisposable {
  readonly images: FileImageStore;
  readonly layers: FileLayerStore;
  readonly content: FileContentStore;
  readonly events: DomainEvent[];
  readonly containers: { image: Digest; id: string; running: boolean }[];
}

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-images-'));
});
afterEach(() => rmSync(root, { recursive: true }));

async function open(directory = root, limits: { readonly maximumLayerBytes?: number } = {}): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const metadata = stack.use(new SqliteMetadata(directory, [imageMigrations]));
  const content = stack.use(new FileContentStore(join(directory, 'content')));
  const { maximumLayerBytes = 2 ** 30 } = limits;
  const layers = stack.use(
    createLayerStore({
      rootDirectory: join(directory, 'layers'),
      runDirectory: join(directory, 'run'),
      content,
      mode: 'auto',
      limits: { maximumLayerBytes, maximumEntries: 100_000 },
      logger: silentLogger,
    }),
  );
  const events: DomainEvent[] = [];
  const containers: Engine['containers'] = [];
  const images = await createImageStore({
    content,
    metadata,
    layers,
    leases: new Leases(),
    use: { containersOf: (id) => containers.filter(({ image }) => image === id) },
    emit: (event) => events.push(event),
    ...limits,
  });
  const resources = stack.move();
  return {
    images,
    layers,
    content,
    events,
    containers,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function chunked(archive: Buffer, bytes = 65_536): Readable {
  const count = Math.ceil(archive.length / bytes);
  const chunks = Array.from({ length: count }, (_, index) =>
    archive.subarray(index * bytes, (index + 1) * bytes),
  );
  return Readable.from(chunks, { objectMode: false });
}

async function load(engine: Engine, archive: Buffer): Promise<string> {
  let output = '';
  for await (const { stream = '' } of engine.images.load(chunked(archive))) output += stream;
  return output;
}

async function contentOf(engine: Engine): Promise<readonly string[]> {
  const blobs = await Array.fromAsync(engine.content.list(), ({ digest }) => digest);
  return [...blobs, ...engine.layers.list().map(({ diffId }) => `layer ${diffId}`)];
}

function coded(code: ErrorCode, text: RegExp | string) {
  return (error: unknown) => {
    assert.ok(isEngineError(error, code), String(error));
    if (typeof text === 'string') assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  };
}

const ALL = { all: false, filters: NO_FILTERS, sharedSize: false };

describe('load', () => {
  for (const [name, compress] of [
    ['plain', (layer: Buffer) => layer],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)
    it(`takes a docker-archive with ${name} layers, itself plain or compressed`, async () => {
      await using engine = await open();
      const config = configFor(LAYERS);
      const archive = dockerArchive({ layers: LAYERS, tags: ['a/b:1', 'c:latest'], compress });
      for (const form of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
        assert.equal(await load(engine, form), 'Loaded image: a/b:1\nLoaded image: c:latest\n');
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
    await using engine = await open();
    const output = await load(
      engine,
      dockerArchive({ layers: LAYERS.slice(0, 1) }, { layers: LAYERS, tags: ['x:1'] }),
    );
    assert.equal(output, `Loaded image ID: ${sha256(configFor(LAYERS.slice(0, 1)))}\nLoaded image: x:1\n`);
    assert.equal(engine.layers.list().length, 3);
  });

  it('says when a name moves to another image', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: LAYERS.slice(0, 1), tags: ['x:1'] }));
    const old = engine.images.resolve('x:1').id;
    assert.equal(
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['x:1'] })),
      `The image x:1 already exists, renaming the old one with ID ${old} to empty string\nLoaded image: x:1\n`,
    );
    assert.deepEqual((await engine.images.inspect(old)).RepoTags, []);
  });

  it('follows links between layers', async () => {
    await using engine = await open();
    const config = configFor([LAYERS[1]!, LAYERS[1]!]);
    const archive = tar({
      'a/layer.tar': LAYERS[1]!,
      'b/layer.tar': '-> ../a/layer.tar',
      'c.json': config,
      'manifest.json': json([
        { Config: './c.json', RepoTags: ['l:1'], Layers: ['a/layer.tar', 'b/layer.tar'] },
      ]),
    });
    assert.equal(await load(engine, archive), 'Loaded image: l:1\n');
    assert.equal(engine.images.resolve('l:1').layers.length, 2);
  });

  it('takes an OCI layout, through an index to the image for this machine', async () => {
    await using engine = await open();
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
    assert.equal(await load(engine, tar(members)), 'Loaded image: multi:1\nLoaded image: example.com/m:2\n');
    assert.equal(engine.images.resolve('multi:1').id, sha256(configFor(LAYERS)));
    assert.equal((await contentOf(engine)).length, 7);
  });

  it('keeps what it acknowledged, and forgets the rest of a killed process', async () => {
    const archive = join(root, 'archive.tar');
    writeFileSync(archive, dockerArchive({ layers: LAYERS, tags: ['kept:1'] }));
    const child = spawn(process.execPath, [
      new URL('load-and-die.fixture.ts', import.meta.url).pathname,
      root,
      archive,
    ]);
    child.stderr.pipe(process.stderr);
    assert.equal(
      await new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal))),
      'SIGKILL',
    );
    rmSync(archive);
    const unfinished =
      readdirSync(join(root, 'content/blobs/sha256')).length +
      readdirSync(join(root, 'content/ingest')).length;
    await using engine = await open();
    assert.equal(engine.images.resolve('kept:1').layers.length, 3);
    assert.equal((await contentOf(engine)).length, 7);
    assert.ok(unfinished > 4, 'the process died with work under way');
    assert.deepEqual(readdirSync(join(root, 'content/ingest')), []);
  });
});

function manifest(value: unknown): Buffer {
  return json([value]);
}

describe('load of hostile archives', () => {
  const layer = LAYERS[1]!;
  const config = configFor([layer]);
  const good = { 'l.tar': layer, 'c.json': config };
  const bomb = gzipSync(tar({ zeros: Buffer.alloc(3_000_000) }));
  const big = [tar({ zeros: Buffer.alloc(3_000_000) })];

  const cases: readonly (readonly [name: string, archive: () => Buffer, text: RegExp])[] = [
    [
      'not an archive',
      () => Buffer.from('hello world, this is no archive at all'.repeat(50)),
      /invalid tar header/,
    ],
    ['nothing', () => Buffer.alloc(0), /neither manifest.json nor index.json/],
    ['cut short', () => dockerArchive({ layers: LAYERS }).subarray(0, 200_000), /unexpected end of archive/],
    [
      'cut short in gzip',
      () => gzipSync(dockerArchive({ layers: LAYERS })).subarray(0, 100_000),
      /unexpected end of file/,
    ],
    ['xz', () => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]), /xz compression is not supported/],
    ['a manifest that is no JSON', () => tar({ ...good, 'manifest.json': '{[' }), /not JSON/],
    [
      'a manifest of a wrong shape',
      () => tar({ ...good, 'manifest.json': '{"a":1}' }),
      /manifest is not an array/,
    ],
    ['a huge manifest', () => tar({ 'manifest.json': Buffer.alloc(17 << 20, ' ') }), /larger than/],
    [
      'a missing layer',
      () => tar({ ...good, 'manifest.json': manifest({ Config: 'c.json', Layers: ['gone.tar'] }) }),
      /open gone.tar: no such file or directory/,
    ],
    [
      'a name outside',
      () => tar({ ...good, 'manifest.json': manifest({ Config: '../../../../etc/passwd', Layers: [] }) }),
      /no such file or directory/,
    ],
    [
      'links in a circle',
      () =>
        tar({
          ...good,
          a: '-> b',
          b: '-> a',
          'manifest.json': manifest({ Config: 'c.json', Layers: ['a'] }),
        }),
      /open a: no such file/,
    ],
    [
      'a link to the host',
      () => tar({ ...good, a: '-> /etc/passwd', 'manifest.json': manifest({ Config: 'a', Layers: [] }) }),
      /open a: no such file/,
    ],
    [
      'too few layers',
      () => tar({ ...good, 'manifest.json': manifest({ Config: 'c.json', Layers: [] }) }),
      /layers length mismatch: expected 1, got 0/,
    ],
    [
      'another layer than the configuration says',
      () =>
        tar({
          'l.tar': LAYERS[2]!,
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /invalid diffID for layer 0/,
    ],
    [
      'a compressed layer that is another',
      () =>
        tar({
          'l.tar': gzipSync(LAYERS[2]!),
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /invalid diffID for layer 0/,
    ],
    [
      'a blob that is not what its name says',
      () =>
        tar({
          [`blobs/sha256/${'0'.repeat(64)}`]: layer,
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: [`blobs/sha256/${'0'.repeat(64)}`] }),
        }),
      /its digest is/,
    ],
    ['a layer that is no tar', () => dockerArchive({ layers: [randomBytes(200_000)] }), /invalid tar header/],
    [
      'a name that is none',
      () => dockerArchive({ layers: [layer], tags: ['Bad Name'] }),
      /invalid reference format/,
    ],
    [
      'a Windows image',
      () => dockerArchive({ layers: [layer], config: configFor([layer], { os: 'windows' }) }),
      /cannot load windows image on linux/,
    ],
    ['a layer larger than allowed', () => dockerArchive({ layers: big }), /larger than 2000000 bytes/],
    [
      'a decompression bomb',
      () =>
        tar({
          'l.tar': bomb,
          'c.json': configFor(big),
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /larger than 2000000 bytes/,
    ],
    [
      'too many members',
      () => Buffer.concat(Array.from({ length: 100_001 }, () => encodeHeader({ path: 'x', type: 'file' }))),
      /more than 100000 members/,
    ],
    [
      'too much in small files',
      () =>
        tar(
          Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`f${index}`, Buffer.alloc(60_000)])),
        ),
      /too many small files/,
    ],
  ];
  for (const [name, archive, text] of cases)
    it(`refuses ${name} and leaves nothing behind`, async () => {
      await using engine = await open(root, { maximumLayerBytes: 2_000_000 });
      await assert.rejects(load(engine, archive()), coded('invalid', text));
      assert.deepEqual(await contentOf(engine), []);
      assert.deepEqual(readdirSync(join(root, 'content/ingest')), []);
      assert.deepEqual(await engine.images.list(ALL), []);
      assert.deepEqual(engine.events, []);
    });

  it('does not believe what a blob is because the layer is there already', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: [layer], tags: ['good:1'] }));
    const archive = tar({
      'l.tar': gzipSync(LAYERS[2]!),
      'c.json': configFor([layer], { author: 'mallory' }),
      'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
    });
    await assert.rejects(load(engine, archive), coded('invalid', /invalid diffID/));
    assert.equal((await contentOf(engine)).length, 3);
  });

  it('reports a full disk and stays whole', async () => {
    const small = join(root, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    try {
      await using engine = await open(small);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['kept:1'] }));
      const before = await contentOf(engine);
      const huge = dockerArchive({ layers: [tar({ f: randomBytes(12_000_000) })], tags: ['huge:1'] });
      await assert.rejects(load(engine, huge), coded('exhausted', /no space left on device/));
      assert.deepEqual(await contentOf(engine), before);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['again:1'] }));
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('stops when its signal fires', async () => {
    await using engine = await open();
    const controller = new AbortController();
    const archive = dockerArchive({ layers: LAYERS, tags: ['a:1'] });
    const source = Readable.from(
      (async function* () {
        yield archive.subarray(0, 150_000);
        controller.abort();
        yield archive.subarray(150_000);
      })(),
      { objectMode: false },
    );
    const loading = Array.fromAsync(engine.images.load(source, { signal: controller.signal }));
    await assert.rejects(loading, { name: 'AbortError' });
    assert.deepEqual(await contentOf(engine), []);
  });
});

describe('import', () => {
  it('makes an image of one layer with changes', async () => {
    await using engine = await open();
    const changes = [
      'CMD ["sh","-l"]',
      'ENV A=b C="d e"',
      'EXPOSE 80 53/udp',
      'LABEL x=y',
      'WORKDIR /srv',
      'USER 1000:1000',
    ];
    const id = await engine.images.import({
      archive: chunked(gzipSync(LAYERS[1]!)),
      reference: 'imp:1',
      changes,
    });
    const inspect = await engine.images.inspect('imp:1');
    assert.equal(inspect.Id, id);
    assert.deepEqual(inspect.RepoTags, ['imp:1']);
    assert.equal(inspect.Comment, 'Imported from -');
    assert.deepEqual(inspect.Config.Cmd, ['sh', '-l']);
    assert.deepEqual(inspect.Config.Env, ['A=b', 'C=d e']);
    assert.deepEqual(inspect.Config.ExposedPorts, { '80/tcp': {}, '53/udp': {} });
    assert.deepEqual(inspect.RootFS.Layers, [sha256(LAYERS[1]!)]);
    assert.equal(inspect.Size, 300_000);
    assert.deepEqual(
      engine.events.map(({ action, attributes }) => [action, attributes['name']]),
      [
        ['tag', 'imp:1'],
        ['import', id],
      ],
    );
    const [entry] = await engine.images.history('imp:1');
    assert.deepEqual(
      [entry?.Id, entry?.Comment, entry?.Size, entry?.Tags],
      [id, 'Imported from -', 300_000, ['imp:1']],
    );
  });

  it('refuses what it cannot take and leaves nothing behind', async () => {
    await using engine = await open();
    const archive = () => chunked(LAYERS[1]!);
    const attempts: readonly (readonly [Parameters<FileImageStore['import']>[0], RegExp])[] = [
      [{ archive: archive(), reference: 'Bad' }, /must be lowercase/],
      [{ archive: archive(), changes: ['FROM x'] }, /FROM is not a valid change command/],
      [{ archive: archive(), platform: 'a b' }, /platform/],
      [{ archive: chunked(Buffer.from('BZh91AY&SY')) }, /bzip2 compression is not supported/],
      [{ archive: Readable.from([]) }, /empty/],
      [{ archive: chunked(randomBytes(70_000)) }, /invalid tar header/],
    ];
    for (const [request, text] of attempts)
      await assert.rejects(engine.images.import(request), coded('invalid', text));
    assert.deepEqual(await contentOf(engine), []);
  });
});

describe('save', () => {
  it('writes what load, skopeo and a second engine read, byte for byte the same each time', async () => {
    await using engine = await open();
    await load(
      engine,
      dockerArchive({ layers: LAYERS, tags: ['s:1', 's:2', 'other/x:y'], compress: gzipSync }),
    );
    const archive = await buffer(await engine.images.save(['s', 'other/x:y']));
    assert.deepEqual(await buffer(await engine.images.save(['s', 'other/x:y'])), archive);
    const file = join(root, 'saved.tar');
    writeFileSync(file, archive);
    const { id } = engine.images.resolve('s:1');
    for (const source of [`docker-archive:${file}:s:2`, `oci-archive:${file}:1`]) {
      const inspected: unknown = JSON.parse(
        execFileSync('skopeo', ['inspect', '--config', source], { encoding: 'utf8' }),
      );
      assert.deepEqual(inspected, JSON.parse(configFor(LAYERS).toString()), source);
    }
    const elsewhere = join(root, 'elsewhere');
    await using other = await open(elsewhere);
    assert.equal(
      await load(other, archive),
      'Loaded image: s:1\nLoaded image: s:2\nLoaded image: other/x:y\n',
    );
    assert.equal(other.images.resolve('s:2').id, id);
  });

  it('takes ids, and refuses names that are not there', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['s:1'] }));
    const { id } = engine.images.resolve('s:1');
    const archive = await buffer(await engine.images.save([id.slice(7, 19)]));
    await engine.images.remove('s:1', { force: false, prune: true });
    assert.equal(await load(engine, archive), `Loaded image ID: ${id}\n`);
    await assert.rejects(engine.images.save(['s:1']), coded('not-found', 'No such image: s:1'));
  });

  it('is read in full though the image is removed meanwhile', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['s:1'] }));
    const whole = await buffer(await engine.images.save(['s:1']));
    const stream = await engine.images.save(['s:1']);
    await engine.images.remove('s:1', { force: false, prune: true });
    assert.deepEqual(await buffer(stream), whole);
  });
});

describe('tag, list, history and lookup', () => {
  it('finds images by name, id and prefix', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    const { id } = engine.images.resolve('a:1');
    for (const text of [id, id.slice(7), id.slice(7, 19), id.slice(0, 19), 'docker.io/library/a:1'])
      assert.equal(engine.images.resolve(text).id, id, text);
    assert.throws(() => engine.images.resolve('zz'), coded('not-found', 'No such image: zz:latest'));
    assert.throws(
      () => engine.images.resolve(`sha256:${'0'.repeat(64)}`),
      coded('not-found', `No such image: sha256:${'0'.repeat(64)}`),
    );
    assert.throws(() => engine.images.resolve('A b'), coded('invalid', /invalid reference format/));
  });

  it('tags', async () => {
    await using engine = await open();
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    await engine.images.tag('a:1', 'localhost:5000/b');
    assert.deepEqual((await engine.images.inspect('a:1')).RepoTags, ['a:1', 'localhost:5000/b:latest']);
    assert.deepEqual(engine.events.at(-1)?.attributes['name'], 'localhost:5000/b:latest');
    await assert.rejects(engine.images.tag('gone', 'x'), coded('not-found', 'No such image: gone:latest'));
    await assert.rejects(
      engine.images.tag('a:1', `x@sha256:${'0'.repeat(64)}`),
      coded('invalid', /digest reference/),
    );
    await assert.rejects(engine.images.tag('a:1', 'X'), coded('invalid', /must be lowercase/));
  });

  it('lists with filters, newest first', async () => {
    await using engine = await open();
    const older = {
      layers: LAYERS.slice(0, 1),
      tags: ['old/one:1'],
      config: configFor(LAYERS.slice(0, 1), { created: '2020-01-01T00:00:00Z', config: {} }),
    };
    await load(
      engine,
      dockerArchive(older, { layers: LAYERS, tags: ['new:1', 'new:2'] }, { layers: LAYERS.slice(1) }),
    );
    const list = async (filters: Record<string, string[]>) =>
      (
        await engine.images.list({ all: false, filters: new Map(Object.entries(filters)), sharedSize: true })
      ).map(({ RepoTags }) => RepoTags.join());
    assert.deepEqual(await list({}), ['new:1,new:2', '', 'old/one:1']);
    assert.deepEqual(await list({ dangling: ['true'] }), ['']);
    assert.deepEqual(await list({ dangling: ['false'] }), ['new:1,new:2', 'old/one:1']);
    assert.deepEqual(await list({ reference: ['new:*'] }), ['new:1,new:2']);
    assert.deepEqual(await list({ reference: ['*:2'] }), ['new:2']);
    assert.deepEqual(await list({ reference: ['old/*'] }), ['old/one:1']);
    assert.deepEqual(await list({ label: ['tier=test'] }), ['new:1,new:2', '']);
    assert.deepEqual(await list({ 'label!': ['tier'] }), ['old/one:1']);
    assert.deepEqual(await list({ before: ['new:1'] }), ['old/one:1']);
    assert.deepEqual(await list({ since: ['old/one:1'] }), ['new:1,new:2', '']);
    assert.deepEqual(await list({ until: ['2021-01-01T00:00:00Z'] }), ['old/one:1']);
    await assert.rejects(list({ dangling: ['maybe'] }), coded('invalid', /dangling/));
    await assert.rejects(list({ before: ['gone'] }), coded('not-found', /No such image: gone/));
    const [first] = await engine.images.list({ ...ALL, sharedSize: true });
    assert.deepEqual([first?.Size, first?.SharedSize], [400_005, 400_005]);
  });

  it('keeps names and images over a restart', async () => {
    {
      await using engine = await open();
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
      await engine.images.tag('a:1', 'b:2');
    }
    await using engine = await open();
    assert.deepEqual((await engine.images.inspect('b:2')).RepoTags, ['a:1', 'b:2']);
    const history = await engine.images.history('a:1');
    assert.deepEqual(
      history.map(({ CreatedBy, Size }) => [CreatedBy, Size]),
      [
        ['step 2', 100_000],
        ['step 1', 300_000],
        ['step 0', 5],
      ],
    );
  });

  it('makes again a layer that was lost', async () => {
    {
      await using engine = await open();
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    }
    rmSync(join(root, 'layers', hex(LAYERS[1]!)), { recursive: true });
    await using engine = await open();
    assert.deepEqual(await buffer(await engine.layers.read(sha256(LAYERS[1]!))), LAYERS[1]);
  });
});

async function loaded(...tags: readonly string[]): Promise<Engine & { readonly id: Digest }> {
  const engine = await open();
  await load(engine, dockerArchive({ layers: LAYERS, tags }));
  const id = sha256(configFor(LAYERS));
  engine.events.length = 0;
  return { ...engine, id, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

describe('remove and prune', () => {
  const gentle = { force: false, prune: true };
  const forced = { force: true, prune: true };

  it('untags while there are names, then deletes everything', async () => {
    await using engine = await loaded('a:1', 'b:2');
    assert.deepEqual(await engine.images.remove('a:1', gentle), [{ Untagged: 'a:1' }]);
    const deletions = await engine.images.remove('b:2', gentle);
    assert.equal(deletions.length, 5);
    assert.deepEqual(deletions.slice(0, 2), [{ Untagged: 'b:2' }, { Deleted: engine.id }]);
    assert.deepEqual(deletions.at(-1), { Deleted: sha256(LAYERS[0]!) });
    assert.deepEqual(await contentOf(engine), []);
    assert.deepEqual(
      engine.events.map(({ action, attributes }) => [action, attributes['name']]),
      [
        ['untag', engine.id],
        ['untag', engine.id],
        ['delete', engine.id],
      ],
    );
    await assert.rejects(engine.images.remove('a:1', gentle), coded('not-found', 'No such image: a:1'));
  });

  it('keeps the layers that other images have', async () => {
    await using engine = await loaded('a:1');
    await load(engine, dockerArchive({ layers: LAYERS.slice(0, 1), tags: ['base:1'] }));
    assert.equal((await engine.images.remove('a:1', gentle)).length, 4);
    assert.deepEqual(
      engine.layers.list().map(({ diffId }) => diffId),
      [sha256(LAYERS[0]!)],
    );
  });

  it('by id: one repository without force, several with', async () => {
    await using engine = await loaded('a:1', 'b:2');
    const short = engine.id.slice(7, 19);
    await assert.rejects(
      engine.images.remove(short, gentle),
      coded(
        'conflict',
        `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
      ),
    );
    assert.equal((await engine.images.remove(short, forced)).length, 6);
  });

  it('protects images that containers use', async () => {
    await using engine = await loaded('a:1');
    const short = engine.id.slice(7, 19);
    const container = { image: engine.id, id: 'c'.repeat(64), running: true };
    engine.containers.push(container);
    await assert.rejects(
      engine.images.remove('a:1', gentle),
      coded(
        'conflict',
        `conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image ${short}`,
      ),
    );
    await assert.rejects(
      engine.images.remove(short, forced),
      coded(
        'conflict',
        `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
      ),
    );
    container.running = false;
    await assert.rejects(
      engine.images.remove(short, gentle),
      coded(
        'conflict',
        `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
      ),
    );
    container.running = true;
    assert.deepEqual(await engine.images.remove('a:1', forced), [{ Untagged: 'a:1' }]);
    container.running = false;
    assert.deepEqual((await engine.images.remove(short, forced))[0], { Deleted: engine.id });
  });

  it('deletes untagged parents with the last child', async () => {
    await using engine = await loaded('base:1');
    const parent = engine.id;
    const configBytes = configFor(LAYERS, { author: 'child' });
    const layers = LAYERS.map((layer) => ({
      diffId: sha256(layer),
      blob: sha256(layer),
      compression: 'none' as const,
    }));
    const child = await engine.images.register({ configBytes, layers, references: [], parent });
    const short = parent.slice(7, 19);
    await assert.rejects(
      engine.images.remove(parent, forced),
      coded(
        'conflict',
        `conflict: unable to delete ${short} (cannot be forced) - image has dependent child images`,
      ),
    );
    assert.deepEqual(await engine.images.remove('base:1', gentle), [{ Untagged: 'base:1' }]);
    assert.equal((await engine.images.list(ALL)).length, 1);
    const deletions = await engine.images.remove(child, gentle);
    assert.deepEqual(deletions.slice(0, 2), [{ Deleted: child }, { Deleted: parent }]);
    assert.deepEqual(await contentOf(engine), []);
  });

  it('prunes dangling images, or all that are not used', async () => {
    await using engine = await loaded('used:1', 'extra:1');
    await load(
      engine,
      dockerArchive({ layers: LAYERS.slice(0, 1) }, { layers: LAYERS.slice(1), tags: ['idle:1'] }),
    );
    engine.containers.push({ image: engine.id, id: 'c'.repeat(64), running: false });
    const { deleted } = await engine.images.prune(NO_FILTERS);
    assert.deepEqual(deleted, [{ Deleted: sha256(configFor(LAYERS.slice(0, 1))) }]);
    const all = await engine.images.prune(new Map([['dangling', ['false']]]));
    assert.deepEqual(all.deleted, [
      { Untagged: 'extra:1' },
      { Untagged: 'idle:1' },
      { Deleted: sha256(configFor(LAYERS.slice(1))) },
    ]);
    assert.equal(all.spaceReclaimed, 0);
    engine.containers.length = 0;
    assert.equal((await engine.images.prune(new Map([['dangling', ['false']]]))).spaceReclaimed, 400_005);
    assert.equal(gunzipSync(gzipSync('')).length, 0);
  });
});
