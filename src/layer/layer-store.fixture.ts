/** What the tests of this folder share: archives, and stores in a directory of their own that must be left clean. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { silentLogger } from '#base/log.ts';
import { listMounts } from '#linux/mountinfo.ts';
import type { Digest } from '#oci/digest.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor, type TarHeaderFields } from '#oci/tar-writer.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { LostDirectory } from '#store/lost-and-found.ts';
import { createLayerStore, type FileLayerStore, type LayerStoreOptions } from './layer-store.ts';
import { createSnapshotStore, type OverlaySnapshotStore } from './snapshot-store.ts';
import { LayerWorkerPool } from './worker-pool.ts';

export type Member = TarHeaderFields & { readonly data?: string | Buffer };

export const MTIME_NS = 1_700_000_000_000_000_000n;

/** An archive of members, a second after the epoch's 1.7 billionth unless they say otherwise. */
export function tarOf(...members: readonly Member[]): Buffer {
  return Buffer.concat([...members.flatMap(encodeMember), END_OF_ARCHIVE]);
}

function encodeMember({ data = '', ...fields }: Member): Buffer[] {
  const bytes = Buffer.from(data);
  return [
    encodeHeader({ mtimeNs: MTIME_NS, sizeBytes: bytes.length, ...fields }),
    bytes,
    paddingFor(bytes.length),
  ];
}

export function file(path: string, data: string | Buffer = '', more: Partial<Member> = {}): Member {
  return { path, type: 'file', data, ...more };
}

export function directory(path: string, more: Partial<Member> = {}): Member {
  return { path, type: 'directory', ...more };
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const LIMITS = { maximumLayerBytes: 64 << 20, maximumEntries: 10_000 };

/** Stores in a fresh directory. Disposing checks that nothing is mounted in it, and removes it. */
export class LayerFixture implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'caisson-layer-'));
  readonly content = new FileContentStore(join(this.path, 'content'));
  readonly lost = new LostDirectory(join(this.path, 'root'), silentLogger);
  readonly workers = new LayerWorkerPool(2);
  readonly mode: LayerStoreOptions['mode'];
  readonly limits: LayerStoreOptions['limits'];
  layers: FileLayerStore;
  snapshots: OverlaySnapshotStore;

  constructor(mode: LayerStoreOptions['mode'] = 'auto', limits: Partial<LayerStoreOptions['limits']> = {}) {
    this.mode = mode;
    this.limits = { ...LIMITS, ...limits };
    this.layers = this.#openLayers();
    this.snapshots = this.#openSnapshots();
  }

  get layerRoot(): string {
    return join(this.path, 'root/layers');
  }

  get snapshotRoot(): string {
    return join(this.path, 'root/snapshots');
  }

  get runDirectory(): string {
    return join(this.path, 'run');
  }

  /** Opens the stores anew, as a process does that follows one that was killed. */
  reopen(): void {
    this.layers = this.#openLayers();
    this.snapshots = this.#openSnapshots();
  }

  async addBlob(bytes: Buffer): Promise<Digest> {
    return (await this.content.put(bytes)).digest;
  }

  async addLayer(...members: readonly Member[]): Promise<Digest> {
    const blob = await this.addBlob(tarOf(...members));
    return (await this.layers.unpack({ blob, compression: 'none' })).diffId;
  }

  /** The changes of a snapshot, as a tar that is what its digest and size say. */
  async diff(id: string, signal?: AbortSignal): Promise<Buffer> {
    const path = join(this.path, 'diff.tar');
    writeFileSync(path, '');
    const { digest, sizeBytes } = await this.snapshots.writeDiff(id, path, signal);
    const tar = readFileSync(path);
    assert.equal(digest, `sha256:${createHash('sha256').update(tar).digest('hex')}`);
    assert.equal(sizeBytes, tar.length);
    return tar;
  }

  /** What the layer store has on disk. */
  layerNames(): string[] {
    return readdirSync(this.layerRoot).toSorted();
  }

  mounts(): string[] {
    return listMounts().flatMap(({ target }) => (target.startsWith(`${this.path}/`) ? [target] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of this.snapshots.list()) await this.snapshots.remove(id);
    await this.snapshots[Symbol.asyncDispose]();
    await this.layers[Symbol.asyncDispose]();
    await this.workers[Symbol.asyncDispose]();
    await this.content[Symbol.asyncDispose]();
    const mounts = this.mounts();
    assert.deepEqual(mounts, [], 'mounts are left');
    assert.deepEqual(readdirSync(join(this.runDirectory, 'layers')), [], 'mount points are left');
    assert.deepEqual(readdirSync(join(this.runDirectory, 'snapshots')), [], 'mount points are left');
    assert.deepEqual(readdirSync(join(this.snapshotRoot, '.trash')), [], 'trash is left');
    rmSync(this.path, { recursive: true });
  }

  #openLayers(): FileLayerStore {
    return createLayerStore({
      rootDirectory: this.layerRoot,
      runDirectory: join(this.runDirectory, 'layers'),
      content: this.content,
      mode: this.mode,
      limits: this.limits,
      lost: this.lost,
      logger: silentLogger,
      workers: this.workers,
    });
  }

  #openSnapshots(): OverlaySnapshotStore {
    return createSnapshotStore({
      rootDirectory: this.snapshotRoot,
      runDirectory: join(this.runDirectory, 'snapshots'),
      layers: this.layers,
      lost: this.lost,
      logger: silentLogger,
      workers: this.workers,
    });
  }
}
