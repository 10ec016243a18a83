import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { pipeline as pipelined } from 'node:stream/promises';
import { isEngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import { type Digest, digestHex } from '#oci/digest.ts';
import type { BlobInfo, ContentReader } from '#store/content.ts';
import { diskError, renameIfThere, syncDirectory, syncFile } from '#store/disk.ts';
import { GroupSync } from '#base/group-sync.ts';
import { probeErofs } from './erofs-probe.ts';
import { gzipOnAllCores } from './gzip-cores.ts';
import { decompressorFor } from './inflate.ts';
import { quickDamage } from './layer-damage.ts';
import { layerPaths, type LayerRecord, readLayerRecord } from './layer-directory.ts';
import { LayerMounts } from './layer-mounts.ts';
import { recoverLayers } from './layer-recovery.ts';
import type { ArrivingBlob, Layer, LayerStore, UnpackRequest } from './layer.ts';
import { SharedWork } from '#base/shared-work.ts';
import type { LayerLimits, UnpackJob, UnpackResult } from './unpack.ts';
import { LayerWorkerPool } from './worker-pool.ts';
import { layerError } from './layer-errors.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import { storeError } from '#store/store-errors.ts';

export interface LayerStoreOptions {
  /** `ROOT/layers`: all of it is the store's. */
  readonly rootDirectory: string;
  /** `RUN/layers`: where EROFS layers are mounted. */
  readonly runDirectory: string;
  readonly content: ContentReader;
  /** `auto` tries whether EROFS works here. */
  readonly mode: 'auto' | Layer['kind'];
  readonly limits: LayerLimits;
  readonly lost: LostAndFound;
  readonly logger: Logger;
  /** Shared with other stores; by default one of its own, which is stopped with it. */
  readonly workers?: LayerWorkerPool;
}

/** What snapshots need of the layers below them. */
export interface LayerUse {
  has(diffId: Digest): boolean;
  /** Keeps a layer from being removed. @throws {EngineError} `not-found` */
  hold(diffId: Digest): void;
  release(diffId: Digest): void;
  /** Where the layer's root directory is while it is entered. @throws {EngineError} `not-found` */
  rootPath(diffId: Digest): string;
  /**
   * The layer's root directory, mounted now if it has to be, until {@link leave}.
   *
   * @throws {EngineError} `no-such-layer`, `layer-damaged`
   */
  enter(diffId: Digest): string;
  leave(diffId: Digest): void;
  check(diffId: Digest): Promise<string | undefined>;
  rebuild(diffId: Digest): Promise<void>;
}

/** What the kernel says of an index that it cannot read (EUCLEAN: EFSCORRUPTED). */
const DAMAGE_ERRNOS = ['EINVAL', 'EUCLEAN', 'EIO'] as const;
const STAGING_PREFIX = '.staging-';
const TRASH_PREFIX = '.trash-';

/** The layers of one engine on disk; see {@link createLayerStore}. Disposing it unmounts what no snapshot uses. */
export class FileLayerStore implements LayerStore, LayerUse, AsyncDisposable {
  readonly kind: Layer['kind'];
  readonly #options: LayerStoreOptions;
  readonly #workers: LayerWorkerPool;
  readonly #mounts: LayerMounts;
  readonly #layers: Map<Digest, LayerRecord>;
  readonly #holds = new Map<Digest, number>();
  readonly #unpacking = new SharedWork<Digest, Layer>();
  readonly #rebuilding = new SharedWork<Digest, void>();
  readonly #directorySync: GroupSync;
  readonly #background = new Set<Promise<void>>();

  constructor(options: LayerStoreOptions, kind: Layer['kind'], layers: Map<Digest, LayerRecord>) {
    this.kind = kind;
    this.#options = options;
    this.#layers = layers;
    this.#workers = options.workers ?? new LayerWorkerPool();
    this.#directorySync = new GroupSync(() => syncDirectory(options.rootDirectory));
    this.#mounts = new LayerMounts(options.runDirectory);
    this.#mounts.adopt((diffId) => layers.has(diffId));
  }

  expect(): void {
    this.#workers.warm();
  }

  async unpack(request: UnpackRequest): Promise<Layer> {
    const { compression, blob, signal } = request;
    signal?.throwIfAborted();
    const diffId = request.diffId ?? (compression === 'none' ? blob : undefined);
    const present = diffId && this.get(diffId);
    if (present) return present;
    return await this.#unpacking.doToEnd(diffId ?? blob, (signal) => this.#unpack(request, signal), signal);
  }

  get(diffId: Digest): Layer | undefined {
    return this.#layers.get(diffId);
  }

  has(diffId: Digest): boolean {
    return this.#layers.has(diffId);
  }

  list(): readonly Layer[] {
    return [...this.#layers.values()];
  }

  async read(diffId: Digest): Promise<Readable> {
    const { kind, blob, compression } = this.#require(diffId);
    if (kind === 'erofs')
      return createReadStream(layerPaths(this.#path(diffId)).tar, { highWaterMark: 1 << 18 });
    const { content } = this.#options;
    if (!(await content.stat(blob))) {
      throw layerError('layer-blob-gone', { subject: diffId, details: { blob } });
    }
    const decompressor = decompressorFor(compression);
    if (!decompressor) return content.read(blob);
    return pipeline(content.read(blob), decompressor, () => undefined);
  }

  async writeGzip(
    diffId: Digest,
    targetPath: string,
    options: Parameters<LayerStore['writeGzip']>[2],
  ): Promise<BlobInfo> {
    const { kind, blob, compression } = this.#require(diffId);
    if (kind === 'erofs' || compression === 'none') {
      const { content } = this.#options;
      const sourcePath = kind === 'erofs' ? layerPaths(this.#path(diffId)).tar : content.path(blob);
      return await gzipOnAllCores(this.#workers, { sourcePath, targetPath }, options);
    }
    await using staging = this.#newStaging();
    const sourcePath = join(staging.path, 'tar');
    await pipelined(await this.read(diffId), createWriteStream(sourcePath), {
      signal: options.signal,
    });
    return await gzipOnAllCores(this.#workers, { sourcePath, targetPath }, options);
  }

  async remove(diffId: Digest): Promise<void> {
    this.#withdraw(diffId);
    this.#discard(diffId);
  }

  setAside(diffId: Digest, { evenInUse }: { readonly evenInUse: boolean } = { evenInUse: false }): void {
    this.#withdraw(diffId, evenInUse);
    const why = evenInUse ? 'a damaged layer' : 'a layer that no record owns';
    this.#options.lost.take('layer', this.#path(diffId), why);
  }

  hold(diffId: Digest): void {
    this.#require(diffId);
    this.#holds.set(diffId, (this.#holds.get(diffId) ?? 0) + 1);
  }

  release(diffId: Digest): void {
    const holds = this.#holds.get(diffId) ?? 0;
    if (holds > 1) this.#holds.set(diffId, holds - 1);
    else this.#holds.delete(diffId);
  }

  rootPath(diffId: Digest): string {
    const { kind } = this.#require(diffId);
    return kind === 'directory' ? layerPaths(this.#path(diffId)).directory : this.#mounts.targetOf(diffId);
  }

  enter(diffId: Digest): string {
    const record = this.#require(diffId);
    const path = this.#path(diffId);
    const damage = this.#mounts.isMounted(diffId) ? undefined : quickDamage(path, record);
    if (damage !== undefined) throw layerError('layer-damaged', { subject: diffId, details: { damage } });
    if (record.kind === 'directory') return layerPaths(path).directory;
    try {
      return this.#mounts.enter(diffId, path);
    } catch (cause) {
      if (!isErrno(cause, ...DAMAGE_ERRNOS)) throw cause;
      throw layerError('layer-damaged', { subject: diffId, details: { damage: messageOf(cause) }, cause });
    }
  }

  leave(diffId: Digest): void {
    this.#mounts.leave(diffId);
  }

  check(diffId: Digest, signal?: AbortSignal): Promise<string | undefined> {
    const { maximumEntries } = this.#options.limits;
    const job = { path: this.#path(diffId), record: this.#require(diffId), maximumEntries };
    return this.#workers.run('damage', job, signal && { signal });
  }

  rebuild(diffId: Digest, signal?: AbortSignal): Promise<void> {
    return this.#rebuilding.doToEnd(diffId, (ending) => this.#rebuild(diffId, ending), signal);
  }

  async #rebuild(diffId: Digest, signal: AbortSignal): Promise<void> {
    const { content, lost, logger } = this.#options;
    const { blob, compression, kind } = this.#require(diffId);
    const problem = await this.#blobProblem(blob, signal);
    if (problem !== undefined)
      throw layerError('layer-not-restorable', { subject: diffId, details: { blob, problem } });
    await using staging = this.#newStaging();
    const job = { blob, blobPath: content.path(blob), compression, staging: staging.path, diffId };
    const { limits } = this.#options;
    const result = await this.#workers.run('unpack', { ...job, kind, limits }, { signal });
    if (result.kind === 'erofs') await syncLayerFiles(staging.path);
    const path = this.#path(diffId);
    // Containers that run may be reading the files of an extracted layer.
    if (kind === 'directory') lost.take('layer', path, 'a damaged layer that was made again');
    else this.#discard(diffId);
    renameSync(staging.path, path);
    await this.#directorySync.sync();
    this.#layers.set(diffId, { ...result, blob, compression });
    this.#mounts.replace(diffId, path);
    logger.warn('a damaged layer was made again from its blob', { layer: diffId });
  }

  async #blobProblem(blob: Digest, signal: AbortSignal): Promise<string | undefined> {
    const { content, lost } = this.#options;
    const path = content.path(blob);
    if (!(await content.stat(blob))) return 'missing';
    if ((await this.#workers.run('hash', { path }, { signal })) === blob) return undefined;
    // Out of the way of the whole one.
    lost.take('blob', path, 'a damaged blob');
    return 'damaged';
  }

  /** Deletes the files of a layer; those that are in use are gone after their last use. */
  #discard(diffId: Digest): void {
    const name = `${TRASH_PREFIX}${digestHex(diffId)}-${process.hrtime.bigint()}`;
    const trash = join(this.#options.rootDirectory, name);
    renameIfThere(this.#path(diffId), trash);
    this.#inBackground(this.#workers.run('delete', { path: trash }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unpacking.settled();
    await this.#rebuilding.settled();
    await Promise.all(this.#background);
    if (!this.#options.workers) await this.#workers[Symbol.asyncDispose]();
    this.#mounts[Symbol.dispose]();
  }

  /** From here on there is no such layer. */
  #withdraw(diffId: Digest, evenInUse = false): void {
    this.#require(diffId);
    if (!evenInUse && this.#holds.has(diffId)) {
      throw layerError('layer-in-use', { subject: diffId });
    }
    this.#mounts.drop(diffId);
    this.#layers.delete(diffId);
  }

  async #unpack(request: UnpackRequest, signal: AbortSignal): Promise<Layer> {
    const { blob, compression, diffId, arriving } = request;
    const { content, limits, rootDirectory } = this.#options;
    if (!arriving && !(await content.stat(blob))) {
      throw layerError('layer-blob-missing', { subject: diffId ?? blob, details: { blob } });
    }
    const staging = mkdtempSync(join(rootDirectory, STAGING_PREFIX));
    try {
      const input = { blob, blobPath: content.path(blob), compression, staging, kind: this.kind, limits };
      const job = diffId === undefined ? input : { ...input, diffId };
      const result = arriving
        ? await this.#unpackArriving(job, arriving, signal)
        : await this.#workers.run('unpack', job, { signal });
      if (result.kind === 'erofs') await syncLayerFiles(staging);
      return await this.#publish(staging, { ...result, blob, compression });
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      throw fullDiskError(error, `layer ${diffId ?? blob}`);
    }
  }

  /** The record names the blob: there is no layer before there is a blob. */
  async #unpackArriving(job: UnpackJob, arriving: ArrivingBlob, signal: AbortSignal): Promise<UnpackResult> {
    const { path, progress, sizeBytes, committed } = arriving;
    const source = { path, progress, sizeBytes };
    const result = await this.#workers.run('unpack-arriving', { ...job, source }, { signal });
    await committed;
    return result;
  }

  /** Not in the list before it is durable. The same content may come by two blobs at once: the first stays. */
  async #publish(staging: string, record: LayerRecord): Promise<Layer> {
    const { diffId } = record;
    const path = this.#path(diffId);
    const isFirst = renameUnlessThere(staging, path);
    if (!isFirst) await rm(staging, { recursive: true, force: true });
    await this.#directorySync.sync();
    const present = this.#layers.get(diffId) ?? (isFirst ? record : (readLayerRecord(path) ?? record));
    this.#layers.set(diffId, present);
    return present;
  }

  #newStaging(): AsyncDisposable & { readonly path: string } {
    const path = mkdtempSync(join(this.#options.rootDirectory, STAGING_PREFIX));
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
  }

  #require(diffId: Digest): LayerRecord {
    const record = this.#layers.get(diffId);
    if (record) return record;
    throw layerError('no-such-layer', { subject: diffId });
  }

  #path(diffId: Digest): string {
    return join(this.#options.rootDirectory, digestHex(diffId));
  }

  /** A failure leaves trash, which the next start clears. */
  #inBackground(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => this.#options.logger.warn('Cannot delete a removed layer', { error }))
      .finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }
}

/**
 * Opens the layer store: clears what an interrupted run left half done, finds the layers that are there and whether
 * new ones can be EROFS. Layers of both kinds live together.
 */
export function createLayerStore(options: LayerStoreOptions): FileLayerStore {
  const { rootDirectory, runDirectory, lost, logger } = options;
  mkdirSync(rootDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  const layers = recoverLayers(rootDirectory, lost, logger);
  return new FileLayerStore(options, chooseKind(options), layers);
}

function chooseKind({ mode, rootDirectory, runDirectory, logger }: LayerStoreOptions): Layer['kind'] {
  if (mode !== 'auto') return mode;
  const obstacle = probeErofs(rootDirectory, runDirectory);
  if (obstacle === undefined) return 'erofs';
  logger.info('Layers are extracted: EROFS cannot be mounted from files here', { reason: obstacle });
  return 'directory';
}

async function syncLayerFiles(path: string): Promise<void> {
  const { tar, index } = layerPaths(path);
  await Promise.all([syncFile(tar), syncFile(index)]);
}

/** False if there is something already. */
function renameUnlessThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** Workers' errors have a code of ours, but Node's words. */
function fullDiskError(error: unknown, subject: string): unknown {
  if (!isEngineError(error, 'exhausted')) return diskError(error, subject);
  return storeError('store-disk-full', { subject, cause: error });
}
