import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Logger } from '#base/log.ts';
import { currentBootId } from '#linux/boot-id.ts';
import { unmountAll } from '#linux/mount.ts';
import { listMounts } from '#linux/mountinfo.ts';
import type { FileLane } from '#linux/file-service.ts';
import type { Digest } from '#oci/digest.ts';
import { readNames, renameIfThere } from '#store/disk.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import type { FilesystemChange } from './layer.ts';
import type { BlobInfo } from '#store/content.ts';
import { createBaseLayer } from './base-layer.ts';
import { openReadable } from './byte-channel.ts';
import { DeferredRelease } from './deferred-release.ts';
import type { LayerUse } from './layer-store.ts';
import type { LayersView, Snapshot, SnapshotRequest, SnapshotStore } from './layer.ts';
import { openReadOnlyView, type ViewSource } from './read-only-view.ts';
import { isOverlay, mountSnapshot } from './snapshot-mount.ts';
import { readSnapshot, snapshotPaths, type SnapshotRecord, writeSnapshot } from './snapshot-record.ts';
import { guarded, LayerWorkerPool, TREE_DEADLINE_MS } from './worker-pool.ts';
import { layerError } from './layer-errors.ts';

export interface SnapshotStoreOptions {
  /** `ROOT/snapshots`: all of it is the store's, on a file system that overlay can write to. */
  readonly rootDirectory: string;
  /** `RUN/snapshots`: where the merged roots are mounted. */
  readonly runDirectory: string;
  readonly layers: LayerUse;
  readonly lost: LostAndFound;
  readonly logger: Logger;
  /** Shared with other stores; by default one of its own, which is stopped with it. */
  readonly workers?: LayerWorkerPool;
}

/** Names that no snapshot has. */
const BASE_NAME = '.base';
const TRASH_NAME = '.trash';
/** Ids of containers. What has another name is work of builds, which is made again where it is needed. */
const CONTAINER_ID = /^[0-9a-f]{64}$/;
const ID_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

interface Entry {
  readonly snapshot: Snapshot;
  readonly record: SnapshotRecord;
  mounted: boolean;
}

/**
 * What is left of a snapshot that cannot be used, perhaps its mount alone: nothing of it is deleted before its
 * container is removed.
 */
interface DamagedSnapshot {
  readonly damage: string;
  readonly record?: SnapshotRecord;
  /** Those of its layers that are there: they are needed again once the others are. */
  readonly held: readonly Digest[];
}

/**
 * The snapshots of one engine; see {@link createSnapshotStore}. Disposing it waits for what is being deleted and
 * leaves mounts alone: containers may run on them.
 */
export class OverlaySnapshotStore implements SnapshotStore, AsyncDisposable {
  readonly #options: SnapshotStoreOptions;
  readonly #workers: LayerWorkerPool;
  readonly #entries = new Map<string, Entry>();
  readonly #damaged = new Map<string, DamagedSnapshot>();
  readonly #release: DeferredRelease;
  #removals = 0;

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
    this.#workers = options.workers ?? new LayerWorkerPool();
    this.#release = new DeferredRelease(options.logger);
    mkdirSync(this.#trash, { recursive: true, mode: 0o700 });
    // Runtimes enter a container's root with the ids of its user namespace.
    mkdirSync(options.runDirectory, { recursive: true, mode: 0o711 });
    if (isOverlay(options.rootDirectory)) {
      const { rootDirectory: directory } = options;
      options.logger.warn('snapshots cannot be mounted: their directory is on an overlay', { directory });
    }
    createBaseLayer(this.#base);
    this.#findSnapshots();
    this.#findMounts();
    this.#emptyTrash();
  }

  create(request: SnapshotRequest): Snapshot {
    const { id, layers } = request;
    if (!ID_PATTERN.test(id)) throw layerError('snapshot-id-invalid', { subject: id });
    if (this.#entries.has(id)) throw layerError('snapshot-exists', { subject: id });
    using undo = new DisposableStack();
    for (const layer of layers) {
      this.#options.layers.hold(layer);
      undo.defer(() => this.#options.layers.release(layer));
    }
    const record = request.volatile ? { layers, volatileBootId: currentBootId() } : { layers };
    writeSnapshot(this.#path(id), record);
    undo.move();
    return this.#enter(id, record, request).snapshot;
  }

  get(id: string): Snapshot | undefined {
    return this.#entries.get(id)?.snapshot;
  }

  damage(id: string): string | undefined {
    return this.#damaged.get(id)?.damage;
  }

  damaged(): readonly string[] {
    return [...this.#damaged.keys()];
  }

  /** Takes snapshots into use whose layers were missing at the opening and have been made again. */
  reopen(): void {
    for (const [id, { record, held }] of this.#damaged) {
      if (!record || this.#missingLayer(record)) continue;
      this.#damaged.delete(id);
      this.#hold(record.layers);
      for (const layer of held) this.#options.layers.release(layer);
      this.#enter(id, record);
    }
    this.#findMounts();
  }

  list(): readonly Snapshot[] {
    return [...this.#entries.values()].map(({ snapshot }) => snapshot);
  }

  mount(id: string): string {
    const entry = this.#require(id);
    const { snapshot } = entry;
    if (entry.mounted) return snapshot.mountPath;
    using undo = new DisposableStack();
    this.#enterLayers(snapshot, undo);
    mkdirSync(snapshot.mountPath, { recursive: true, mode: 0o755 });
    undo.defer(() => rmdirSync(snapshot.mountPath));
    mountSnapshot(snapshot, entry.record);
    undo.move();
    entry.mounted = true;
    return snapshot.mountPath;
  }

  async rebuildLayers(id: string): Promise<boolean> {
    const { layers } = this.#options;
    const rebuilt = [...new Set(this.#require(id).record.layers)].map(async (layer) => {
      if ((await layers.check(layer)) === undefined) return false;
      await layers.rebuild(layer);
      return true;
    });
    return (await Promise.all(rebuilt)).includes(true);
  }

  showLayers(id: string): LayersView {
    const { snapshot } = this.#require(id);
    using undo = new DisposableStack();
    this.#enterLayers(snapshot, undo);
    const { root } = undo.use(openReadOnlyView(this.#lowerView(snapshot)));
    const kept = undo.move();
    return { root, [Symbol.dispose]: () => kept.dispose() };
  }

  async unmount(id: string): Promise<void> {
    if (this.#damaged.has(id)) return this.#unmountDamaged(id);
    this.#release.finish(this.#detach(this.#require(id)));
  }

  async remove(id: string): Promise<void> {
    if (this.#damaged.has(id)) return this.#removeDamaged(id);
    const entry = this.#require(id);
    const trash = this.#newTrash(id);
    renameSync(this.#path(id), trash);
    this.#entries.delete(id);
    for (const layer of entry.record.layers) this.#options.layers.release(layer);
    this.#release.afterwards(() => {
      const hold = this.#detach(entry);
      // It is deleted before the mount is released: there is less to sync then.
      this.#release.finish(hold, () => rm(trash, { recursive: true, force: true }));
    });
  }

  async abandon(id: string): Promise<void> {
    const { upper } = snapshotPaths(this.#path(id));
    if (this.#entries.get(id)?.snapshot.volatile || readNames(upper).length === 0) return this.remove(id);
    await this.unmount(id);
    await this.#release.settled();
    this.#options.lost.take('snapshot', this.#path(id), 'a snapshot that no record owns');
    const layers = this.#entries.get(id)?.record.layers ?? this.#damaged.get(id)?.held ?? [];
    for (const layer of layers) this.#options.layers.release(layer);
    this.#entries.delete(id);
    this.#damaged.delete(id);
  }

  async changes(id: string): Promise<readonly FilesystemChange[]> {
    const { snapshot } = this.#require(id);
    using stack = new DisposableStack();
    this.#enterLayers(snapshot, stack);
    return await this.#workers.run('changes', {
      upper: snapshot.upperPath,
      lower: this.#lowerView(snapshot),
    });
  }

  async writeDiff(id: string, path: string, signal?: AbortSignal): Promise<BlobInfo> {
    const { snapshot } = this.#require(id);
    using stack = new DisposableStack();
    this.#enterLayers(snapshot, stack);
    const input = { upper: snapshot.upperPath, lower: this.#lowerView(snapshot), path };
    return await this.#workers.run('diff', input, signal ? { signal } : {});
  }

  async export(id: string, lane?: FileLane): Promise<Readable> {
    const { snapshot, mounted } = this.#require(id);
    const lower = this.#lowerView(snapshot);
    const root = mounted ? snapshot.mountPath : { ...lower, stack: [snapshot.upperPath, ...lower.stack] };
    return openReadable(async (end) => {
      using stack = new DisposableStack();
      this.#enterLayers(snapshot, stack);
      await this.#workers.run(
        'pack',
        { root, path: '/', ...end },
        {
          transfer: [end.port],
          ...guarded(lane, { action: 'read the files', deadlineMs: TREE_DEADLINE_MS }),
        },
      );
    });
  }

  async usage(id: string): Promise<number> {
    return await this.#workers.run('usage', { path: this.#require(id).snapshot.upperPath });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release.settled();
    if (!this.#options.workers) await this.#workers[Symbol.asyncDispose]();
  }

  get #base(): string {
    return join(this.#options.rootDirectory, BASE_NAME);
  }

  get #trash(): string {
    return join(this.#options.rootDirectory, TRASH_NAME);
  }

  #newTrash(id: string): string {
    return join(this.#trash, `${id}-${process.pid}-${++this.#removals}`);
  }

  #path(id: string): string {
    return join(this.#options.rootDirectory, id);
  }

  #require(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry) return entry;
    const damage = this.damage(id);
    if (damage !== undefined) throw layerError('snapshot-damaged', { subject: id, details: { damage } });
    throw layerError('no-such-snapshot', { subject: id });
  }

  #enter(
    id: string,
    record: SnapshotRecord,
    { bottom, isBare = false }: Pick<SnapshotRequest, 'bottom' | 'isBare'> = {},
  ): Entry {
    const { upper, work } = snapshotPaths(this.#path(id));
    // A layer that is there twice counts where it is uppermost: overlay takes none twice.
    const layers = [...new Set(record.layers.toReversed())].map((layer) =>
      this.#options.layers.rootPath(layer),
    );
    const snapshot: Snapshot = {
      id,
      layers: record.layers,
      volatile: record.volatileBootId !== undefined,
      upperPath: upper,
      workPath: work,
      lowerPaths: [...layers, ...(bottom === undefined ? [] : [bottom]), ...(isBare ? [] : [this.#base])],
      mountPath: join(this.#options.runDirectory, id),
    };
    const entry: Entry = { snapshot, record, mounted: false };
    this.#entries.set(id, entry);
    return entry;
  }

  /** Undone by disposing `stack`. */
  #enterLayers({ layers }: Snapshot, stack: DisposableStack): void {
    for (const layer of new Set(layers)) {
      this.#options.layers.enter(layer);
      stack.defer(() => this.#options.layers.leave(layer));
    }
  }

  #lowerView({ lowerPaths }: Snapshot): ViewSource {
    return { stack: lowerPaths, viewDirectory: this.#options.runDirectory };
  }

  #detach(entry: Entry): number | undefined {
    if (!entry.mounted) return undefined;
    const hold = this.#release.detach(entry.snapshot.mountPath);
    entry.mounted = false;
    for (const layer of new Set(entry.record.layers)) this.#options.layers.leave(layer);
    return hold;
  }

  /** A container may need what is left of one that is half-made, or stands on layers that are gone. */
  #findSnapshots(): void {
    for (const id of readdirSync(this.#options.rootDirectory)) {
      if (id === BASE_NAME || id === TRASH_NAME) continue;
      const record = readSnapshot(this.#path(id));
      const missing = record && this.#missingLayer(record);
      if (record && missing === undefined) {
        this.#hold(record.layers);
        this.#enter(id, record);
      } else if (!CONTAINER_ID.test(id)) renameSync(this.#path(id), this.#newTrash(id));
      else if (record && missing) this.#enterDamaged(id, record, missing);
      else this.#damaged.set(id, { damage: 'its record is missing', held: [] });
    }
  }

  #enterDamaged(id: string, record: SnapshotRecord, missing: Digest): void {
    const held = record.layers.filter((layer) => this.#options.layers.has(layer));
    this.#hold(held);
    this.#damaged.set(id, { damage: `its layer ${missing} is missing`, record, held });
  }

  #missingLayer({ layers }: SnapshotRecord): Digest | undefined {
    return layers.find((layer) => !this.#options.layers.has(layer));
  }

  #hold(layers: readonly Digest[]): void {
    for (const layer of layers) this.#options.layers.hold(layer);
  }

  #unmountDamaged(id: string): void {
    const target = join(this.#options.runDirectory, id);
    unmountAll(target);
    rmSync(target, { recursive: true, force: true });
  }

  #removeDamaged(id: string): void {
    const trash = this.#newTrash(id);
    this.#unmountDamaged(id);
    renameIfThere(this.#path(id), trash);
    for (const layer of this.#damaged.get(id)?.held ?? []) this.#options.layers.release(layer);
    this.#damaged.delete(id);
    this.#release.finish(undefined, () => rm(trash, { recursive: true, force: true }));
  }

  /** What a former process left mounted stays so where it belongs to a snapshot, or a container may run in it. */
  #findMounts(): void {
    const prefix = `${this.#options.runDirectory}/`;
    const mounted = listMounts().flatMap(({ target }) => (target.startsWith(prefix) ? [target] : []));
    for (const target of mounted) {
      const id = target.slice(prefix.length);
      const entry = this.#entries.get(id);
      if (this.#damaged.has(id)) continue;
      if (!entry && CONTAINER_ID.test(id)) this.#damaged.set(id, { damage: 'it is missing', held: [] });
      else if (!entry) unmountAll(target);
      else if (!entry.mounted) {
        for (const layer of new Set(entry.record.layers)) this.#options.layers.enter(layer);
        entry.mounted = true;
      }
    }
    for (const name of readdirSync(this.#options.runDirectory)) {
      if (!this.#damaged.has(name) && !this.#entries.get(name)?.mounted)
        rmdirSync(join(this.#options.runDirectory, name));
    }
  }

  #emptyTrash(): void {
    for (const name of readdirSync(this.#trash)) {
      const path = join(this.#trash, name);
      this.#release.finish(undefined, () => rm(path, { recursive: true, force: true }));
    }
  }
}

/**
 * Opens the snapshot store, after the layer store: finds the snapshots and which of them are mounted, and finishes
 * what an interrupted run left half done.
 */
export function createSnapshotStore(options: SnapshotStoreOptions): OverlaySnapshotStore {
  return new OverlaySnapshotStore(options);
}
