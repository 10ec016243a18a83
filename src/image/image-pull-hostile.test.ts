/** Manifests, indexes and configurations made to do harm: refused before anything they name is fetched or stored. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import { FakeRegistry } from '#registry/fake-registry.fixture.ts';
import { createRegistries } from '#registry/registries.ts';
import { ALL, contentOf, json, open, sha256, tar, temporaryRoot } from './image-store.fixture.ts';

const root = temporaryRoot();
const LAYER = tar({ hello: 'hello' });
const ZEROS = `sha256:${'0'.repeat(64)}`;
const KILOBYTES = 'x'.repeat(1000);

/** The text of a document whose digests all mean the layer, or nothing. */
type Text = string | Buffer;

interface Hostile {
  readonly manifest?: (good: string) => Text;
  readonly config?: (good: string) => Text;
  readonly mediaType?: string;
  readonly refusal: RegExp;
}

function nested(depth: number): string {
  return '{"a":['.repeat(depth) + ']}'.repeat(depth);
}

/** With `field` in place of the one that is there. */
function withField(field: string, value: unknown): (good: string) => string {
  return (good) => {
    const document: unknown = JSON.parse(good);
    return JSON.stringify(Object.assign(Object(document), { [field]: value }));
  };
}

function many(count: number, value: unknown): readonly unknown[] {
  return Array.from({ length: count }, () => value);
}

function layersOf(...layers: readonly unknown[]): (good: string) => string {
  return withField('layers', layers);
}

const layer = { mediaType: MEDIA_TYPES.ociLayer, digest: sha256(LAYER), size: LAYER.length };

const MANIFESTS: Readonly<Record<string, Hostile>> = {
  'larger than 4 MiB': {
    manifest: withField('annotations', { long: KILOBYTES.repeat(4200) }),
    refusal: /larger than 4194304 bytes/,
  },
  'of 100,000 layers': {
    manifest: layersOf(...many(100_000, layer)),
    refusal: /larger than|more than/,
  },
  'of 2,000 layers': { manifest: layersOf(...many(2000, layer)), refusal: /more than 1024 items/ },
  'of more layers than its configuration': {
    manifest: layersOf(layer, layer, layer),
    refusal: /its configuration has 1 layers, its manifest 3/,
  },
  'nested a hundred thousand deep': {
    manifest: (good) => good.replace('{', `{"deep":${nested(100_000)},`),
    refusal: /nested more than 100 deep/,
  },
  'that is cut short': { manifest: (good) => good.slice(0, -5), refusal: /not JSON/ },
  'that is an array': { manifest: () => '[]', refusal: /not an object/ },
  'that is not UTF-8': { manifest: () => Buffer.from([0x7b, 0xff, 0xfe]), refusal: /not JSON/ },
  'of another version': { manifest: withField('schemaVersion', '2'), refusal: /schemaVersion/ },
  'whose layers are an object': { manifest: withField('layers', { 0: layer }), refusal: /not an array/ },
  'with a layer that is a string': { manifest: layersOf('layer'), refusal: /not an object/ },
  'with a layer that is null': { manifest: layersOf(null), refusal: /not an object/ },
  'with a size that is a string': { manifest: layersOf({ ...layer, size: '12' }), refusal: /not an integer/ },
  'with a size that is a fraction': {
    manifest: layersOf({ ...layer, size: 1.5 }),
    refusal: /not an integer/,
  },
  'with a size that is negative': { manifest: layersOf({ ...layer, size: -1 }), refusal: /negative/ },
  'with a size beyond all disks': { manifest: layersOf({ ...layer, size: 2 ** 60 }), refusal: /more than/ },
  'with a size that is infinite': {
    manifest: (good) => layersOf({ ...layer, size: 7_654_321 })(good).replace('7654321', '1e999'),
    refusal: /not an integer/,
  },
  'with a digest that is a path': {
    manifest: layersOf({ ...layer, digest: 'sha256:../../../../etc/passwd' }),
    refusal: /not a sha256 digest/,
  },
  'with a digest in capitals': {
    manifest: layersOf({ ...layer, digest: ZEROS.replaceAll('0', 'A') }),
    refusal: /not a sha256 digest/,
  },
  'with a digest of another algorithm': {
    manifest: layersOf({ ...layer, digest: `md5:${'0'.repeat(32)}` }),
    refusal: /not a sha256 digest/,
  },
  'with a digest and a line break': {
    manifest: layersOf({ ...layer, digest: `${ZEROS}\n` }),
    refusal: /not a sha256 digest/,
  },
  'with a layer of an unknown kind': {
    manifest: layersOf({ ...layer, mediaType: 'application/x-sh' }),
    refusal: /unsupported layer media type/,
  },
  'with a configuration whose digest is a path': {
    manifest: withField('config', { digest: 'sha256:..', size: 1 }),
    refusal: /not a sha256 digest/,
  },
  'with a configuration that is too large': {
    manifest: withField('config', { digest: ZEROS, size: 9_000_000_000 }),
    refusal: /more than 8388608 bytes/,
  },
  'without a configuration': { manifest: withField('config', undefined), refusal: /config is missing/ },
  'with a field twice': {
    manifest: (good) => good.replace('{', '{"layers":[],'),
    refusal: /a field is there twice/,
  },
  'that is an index, too': {
    manifest: withField('manifests', [{ digest: ZEROS, size: 1 }]),
    refusal: /field manifests of another kind/,
  },
  'of an unknown type': {
    manifest: withField('mediaType', 'application/vnd.evil+json'),
    refusal: /unsupported manifest media type/,
  },
  'that is a web page': {
    manifest: () => '<html>not here</html>',
    mediaType: 'text/html; charset=utf-8',
    refusal: /web page/,
  },
};

const CONFIGURATIONS: Readonly<Record<string, Hostile>> = {
  'that is no JSON': { config: () => '<html></html>', refusal: /not JSON/ },
  'that is null': { config: () => 'null', refusal: /not an object/ },
  'nested a hundred thousand deep': {
    config: (good) => good.replace('"rootfs"', `"rootfs":${nested(100_000)},"r"`),
    refusal: /nested more than 100 deep/,
  },
  'without a root': { config: withField('rootfs', undefined), refusal: /rootfs is missing/ },
  'of another kind of root': { config: withField('rootfs', { type: 'zip' }), refusal: /rootfs type "zip"/ },
  'with diff IDs that are no array': {
    config: withField('rootfs', { type: 'layers', diff_ids: ZEROS }),
    refusal: /not an array/,
  },
  'with a diff ID that is a path': {
    config: withField('rootfs', { type: 'layers', diff_ids: ['sha256:../../x'] }),
    refusal: /not a sha256 digest/,
  },
  'of 100,000 diff IDs': {
    config: withField('rootfs', { type: 'layers', diff_ids: many(100_000, ZEROS) }),
    refusal: /more than 500 items/,
  },
  'with a history without end': {
    config: withField('history', many(100_000, {})),
    refusal: /history has more than/,
  },
  'with a command that is a number': { config: withField('config', { Cmd: 7 }), refusal: /Cmd/ },
  'with an environment of objects': { config: withField('config', { Env: [{}] }), refusal: /Env/ },
  'with labels that are numbers': { config: withField('config', { Labels: { a: 1 } }), refusal: /Labels/ },
  'with a field twice': {
    config: (good) => good.replace('{', '{"rootfs":{"type":"layers","diff_ids":[]},'),
    refusal: /a field is there twice/,
  },
  'for another system': { config: withField('os', 'windows'), refusal: /it is for windows, not for linux/ },
};

function indexOf(...manifests: readonly unknown[]): Text {
  return json({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests });
}

const platform = { os: 'linux', architecture: 'amd64' };

const INDEXES: Readonly<Record<string, Hostile>> = {
  'of nothing': { manifest: () => indexOf(), refusal: /the index names no image for/ },
  'that is a manifest, too': {
    manifest: () => json({ schemaVersion: 2, manifests: [], layers: [], mediaType: MEDIA_TYPES.ociIndex }),
    refusal: /field layers of another kind/,
  },
  'with a digest that is a path': {
    manifest: () => indexOf({ digest: '../../x', size: 1, platform }),
    refusal: /not a sha256 digest/,
  },
  'of 20,000 manifests': {
    manifest: () => indexOf(...many(20_000, { digest: ZEROS, size: 1 })),
    refusal: /more than 10000 items/,
  },
  'that names what is not there': {
    manifest: () => indexOf({ digest: ZEROS, size: 1, mediaType: MEDIA_TYPES.ociManifest, platform }),
    refusal: /Cannot find .*: manifest unknown/,
  },
};

async function setting() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeRegistry.start());
  const registries = stack.use(
    createRegistries({ retry: { attempts: 2, firstPauseMs: 1 }, certificateDirectories: [] }),
  );
  const engine = stack.use(await open(root.path, { registries }));
  const resources = stack.move();
  return { server, engine, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** A good image with a part of it replaced. */
function addHostile(server: FakeRegistry, { manifest, config, mediaType }: Hostile, type: string): void {
  server.manifests.clear();
  const image = server.addImage('a/b', 'good', [LAYER], {
    compress: (content) => content,
    layerType: MEDIA_TYPES.ociLayer,
  });
  const goodConfig = server.blobs.get(image.configDigest)?.toString() ?? '';
  const goodManifest = server.manifests.get('a/b:good')?.content.toString() ?? '';
  const badConfig = Buffer.from(config?.(goodConfig) ?? goodConfig);
  const descriptor = {
    mediaType: MEDIA_TYPES.ociConfig,
    digest: server.addBlob(badConfig),
    size: badConfig.length,
  };
  const named = config ? withField('config', descriptor)(goodManifest) : goodManifest;
  server.addManifest('a/b', 'v', mediaType ?? type, Buffer.from(manifest?.(named) ?? named));
}

for (const [kind, type, table] of [
  ['manifest', MEDIA_TYPES.ociManifest, MANIFESTS],
  ['configuration', MEDIA_TYPES.ociManifest, CONFIGURATIONS],
  ['index', MEDIA_TYPES.ociIndex, INDEXES],
] as const)
  test(`no ${kind} does harm, and nothing of it stays`, async () => {
    await using s = await setting();
    for (const [name, hostile] of Object.entries(table)) {
      addHostile(s.server, hostile, type);
      const pull = Array.fromAsync(s.engine.images.pull({ reference: `${s.server.host}/a/b:v` }));
      await assert.rejects(pull, (error) => {
        assert.ok(
          isEngineError(error, 'invalid') || isEngineError(error, 'not-found'),
          `${name}: ${String(error)}`,
        );
        assert.match(error.message, hostile.refusal, name);
        return true;
      });
      assert.deepEqual(await contentOf(s.engine), [], name);
      assert.deepEqual(s.engine.layers.list(), [], name);
      assert.deepEqual(await s.engine.images.list(ALL), [], name);
      assert.equal(s.server.count('GET', sha256(LAYER)), 0, `${name}: the layer was fetched`);
    }
    s.server.addImage('a/b', 'v', [LAYER]);
    await Array.fromAsync(s.engine.images.pull({ reference: `${s.server.host}/a/b:v` }));
  });
