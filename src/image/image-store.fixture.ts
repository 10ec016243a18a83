/** What the tests of images share: archives made here, and a store of its own for each test. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach } from 'node:test';
import { isEngineError, type ErrorCode } from '#base/errors.ts';
import type { DomainEvent } from '#base/event.ts';
import { NO_FILTERS } from '#base/filters.ts';
import { silentLogger } from '#base/log.ts';
import { createLayerStore, type FileLayerStore } from '#layer/layer-store.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import type { OwnedRegistries } from '#registry/registries.ts';
import { ExpendableDigests, storeMigrations } from '#store/expendable.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { MemoryLeases } from '#store/leases.ts';
import { LostDirectory } from '#store/lost-and-found.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import { createImages } from './create-images.ts';
import { imageMigrations } from './image-migrations.ts';
import type { OwnedImages } from './owned-images.ts';

type Members = Readonly<Record<string, Buffer | string>>;

/** A tar of files; names that end in a slash are directories, contents `-> x` symlinks. */
export function tar(members: Members): Buffer {
  const parts = Object.entries(members).flatMap(([path, content]) => {
    if (path.endsWith('/')) return [encodeHeader({ path, type: 'directory' })];
    if (typeof content === 'string' && content.startsWith('-> '))
      return [encodeHeader({ path, type: 'symlink', linkName: content.slice(3) })];
    const data = Buffer.from(content);
    return [encodeHeader({ path, type: 'file', sizeBytes: data.length }), data, paddingFor(data.length)];
  });
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

export function sha256(content: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

export function hex(content: Buffer): string {
  return sha256(content).slice(7);
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function configFor(layers: readonly Buffer[], extra: object = {}): Buffer {
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
export function dockerArchive(...images: readonly ArchiveImage[]): Buffer {
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
export const LAYERS = [
  tar({ 'etc/': '', 'etc/hello': 'hello' }),
  tar({ big: randomBytes(300_000) }),
  tar({ other: randomBytes(100_000), link: '-> big' }),
];

export interface Engine extends AsyncDisposable {
  readonly images: OwnedImages;
  readonly layers: FileLayerStore;
  readonly content: FileContentStore;
  readonly events: DomainEvent[];
  readonly containers: { image: Digest; id: string; running: boolean }[];
}

/** A directory of its own for each test of a file; call once in the file. */
export function temporaryRoot(): { readonly path: string } {
  const root = { path: '' };
  beforeEach(() => {
    root.path = mkdtempSync(join(tmpdir(), 'caisson-images-'));
  });
  afterEach(() => rmSync(root.path, { recursive: true }));
  return root;
}

export async function open(
  directory: string,
  limits: { readonly maximumLayerBytes?: number; readonly registries?: OwnedRegistries } = {},
): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const metadata = stack.use(new SqliteMetadata(directory, [storeMigrations, imageMigrations]));
  const content = stack.use(new FileContentStore(join(directory, 'content')));
  const { maximumLayerBytes = 2 ** 30 } = limits;
  const lost = new LostDirectory(directory, silentLogger);
  const expendable = new ExpendableDigests(metadata);
  const layers = stack.use(
    createLayerStore({
      rootDirectory: join(directory, 'layers'),
      runDirectory: join(directory, 'run'),
      content,
      mode: 'auto',
      limits: { maximumLayerBytes, maximumEntries: 100_000 },
      lost,
      logger: silentLogger,
    }),
  );
  const events: DomainEvent[] = [];
  const containers: Engine['containers'] = [];
  const images = await createImages({
    content,
    metadata,
    layers,
    leases: new MemoryLeases(expendable),
    expendable,
    lost,
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

export function chunked(archive: Buffer, bytes = 65_536): Readable {
  const count = Math.ceil(archive.length / bytes);
  const chunks = Array.from({ length: count }, (_, index) =>
    archive.subarray(index * bytes, (index + 1) * bytes),
  );
  return Readable.from(chunks, { objectMode: false });
}

export async function load(engine: Engine, archive: Buffer): Promise<string> {
  let output = '';
  for await (const progress of engine.images.load(chunked(archive))) {
    if (progress.kind === 'renamed') output += `${progress.name} was ${progress.previous}\n`;
    if (progress.kind !== 'loaded') continue;
    const { names, id } = progress;
    for (const name of names.length > 0 ? names : [id]) output += `loaded ${name}\n`;
  }
  return output;
}

export async function contentOf(engine: Engine): Promise<readonly string[]> {
  const blobs = await Array.fromAsync(engine.content.list(), ({ digest }) => digest);
  return [...blobs, ...engine.layers.list().map(({ diffId }) => `layer ${diffId}`)];
}

export function coded(code: ErrorCode, text: RegExp | string): (error: unknown) => boolean {
  return (error: unknown) => {
    assert.ok(isEngineError(error, code), String(error));
    if (typeof text === 'string') assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  };
}

export const ALL = { all: false, filters: NO_FILTERS, sharedSize: false };

export function manifest(value: unknown): Buffer {
  return json([value]);
}
