import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { hasReason, messageOf } from '#base/errors.ts';
import type { EmitEvent } from '#base/event.ts';
import { type Filters, NO_FILTERS } from '#base/filters.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import type { FileService } from '#linux/file-service.ts';
import { readNames, renameIfThere } from '#store/disk.ts';
import type { Metadata } from '#store/metadata.ts';
import { copyUpHere, DATA, finishCopyUp, hasEntries, isKnownToBeEmpty, isQuickCopyUp } from './copy-up.ts';
import { ANONYMOUS_LABEL, checkVolumeName } from './volume-name.ts';
import { volumeError } from './volume-errors.ts';
import { type VolumeRecord, VolumeTable } from './volume-table.ts';
import { VOLUME_TASKS, volumeLane } from './volume-tasks.ts';
import { listTest, pruneTest } from './volume-filters.ts';
import type {
  VolumeMount,
  VolumePruneReport,
  VolumePruneRequest,
  VolumeRemoval,
  Volumes,
  VolumeSpec,
  VolumeUse,
  VolumeView,
} from './volume.ts';

export interface VolumesDependencies {
  /** Holds a directory for each volume. */
  readonly rootDirectory: string;
  readonly metadata: Metadata;
  readonly files: FileService;
  readonly use: VolumeUse;
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** Opens the volumes below a directory and puts right what a crash has left half-done. */
export async function createVolumes(dependencies: VolumesDependencies): Promise<Volumes> {
  const volumes = new LocalVolumes(dependencies);
  await volumes.recover();
  return volumes;
}

const DRIVER = 'local';
/** What is being deleted is renamed to this and an id: no volume's name begins with a dot. */
const REMOVED_PREFIX = '.removed-';

/**
 * The driver `local`. A volume exists when the database says so: its directory is made before and taken away after.
 */
class LocalVolumes implements Volumes {
  readonly #root: string;
  readonly #metadata: Metadata;
  readonly #use: VolumeUse;
  readonly #emit: EmitEvent;
  readonly #logger: Logger;
  readonly #table: VolumeTable;
  readonly #files: FileService;
  readonly #locks = new KeyedLock<string>();
  readonly #volumes = new Map<string, VolumeRecord>();

  constructor({ rootDirectory, metadata, files, use, emit, logger }: VolumesDependencies) {
    this.#root = rootDirectory;
    this.#metadata = metadata;
    this.#files = files;
    this.#use = use;
    this.#emit = emit;
    this.#logger = logger;
    this.#table = new VolumeTable(metadata);
  }

  async create(spec: VolumeSpec): Promise<VolumeView> {
    checkDriver(spec);
    const existing = spec.name ? this.#volumes.get(spec.name) : undefined;
    if (!existing) return await this.#createNew(spec);
    // Another caller may have made it just now.
    await this.#metadata.durable();
    return this.#view(existing);
  }

  async #createNew(spec: VolumeSpec): Promise<VolumeView> {
    const name = spec.name || newId();
    const labels = spec.name ? spec.labels : { ...spec.labels, [ANONYMOUS_LABEL]: '' };
    checkSpec(name, spec);
    const createdAt = `${new Date().toISOString().slice(0, 19)}Z`;
    const record = { name, createdAt, labels: labels ?? null };
    this.#makeDirectory(name);
    this.#metadata.transaction(() => this.#table.insert(record));
    this.#volumes.set(name, record);
    await this.#metadata.durable();
    this.#report('create', name);
    return this.#view(record);
  }

  get(name: string): VolumeView | undefined {
    const record = this.#volumes.get(name);
    return record && this.#view(record);
  }

  open(name: string): string {
    this.#require(name);
    const path = join(this.#directory(name), DATA);
    if (this.#isLost(name)) throw volumeError('volume-lost', { subject: name, details: { path } });
    return path;
  }

  list(filters: Filters = NO_FILTERS): readonly VolumeView[] {
    const isWanted = listTest(filters, (name) => this.#isUsed(name));
    const records = [...this.#volumes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return records.map((record) => this.#view(record)).filter(isWanted);
  }

  async remove(name: string, options: VolumeRemoval): Promise<void> {
    using _ = await this.#locks.acquire(name, options.signal);
    if (!this.#volumes.has(name)) {
      if (options.force) return;
      throw volumeError('no-such-volume', { subject: name });
    }
    const containers = this.#use.containersOf(name);
    if (containers.length > 0) {
      throw volumeError('volume-in-use', { subject: name, details: { containers: containers.join(', ') } });
    }
    this.#metadata.transaction(() => this.#table.delete(name));
    this.#volumes.delete(name);
    const removed = join(this.#root, `${REMOVED_PREFIX}${newId()}`);
    renameIfThere(this.#directory(name), removed);
    await this.#metadata.durable();
    this.#report('destroy', name);
    await this.#files.run(VOLUME_TASKS, 'delete', { input: { path: removed } });
  }

  async prune({ filters, named, signal }: VolumePruneRequest): Promise<VolumePruneReport> {
    const mayGo = pruneTest(filters);
    const removed: string[] = [];
    let reclaimedBytes = 0;
    for (const volume of this.list()) {
      const { name, isAnonymous } = volume;
      const isKept = !(named || isAnonymous) || !mayGo(volume) || this.#isUsed(name) || this.#isLost(name);
      if (isKept) continue;
      signal?.throwIfAborted();
      const sizeBytes = await this.#removeUnlessUsed(name, signal);
      if (sizeBytes === undefined) continue;
      removed.push(name);
      reclaimedBytes += sizeBytes;
    }
    const attributes = { reclaimed: String(reclaimedBytes) };
    this.#emit({ type: 'volume', action: 'prune', id: '', attributes });
    return { removed, reclaimedBytes };
  }

  /** @returns the bytes that it had; undefined if it is still there, or was removed by another */
  async #removeUnlessUsed(name: string, signal: AbortSignal | undefined): Promise<number | undefined> {
    try {
      const sizeBytes = await this.usage(name, signal);
      await this.remove(name, { force: false, ...(signal && { signal }) });
      return sizeBytes;
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasReason(error, 'volume-in-use', 'no-such-volume'))
        this.#logger.warn('Cannot prune a volume', { name, error });
      return undefined;
    }
  }

  #isUsed(name: string): boolean {
    return this.#use.containersOf(name).length > 0;
  }

  async copyUp(name: string, root: () => string, path: string): Promise<void> {
    using _ = await this.#locks.acquire(name);
    this.open(name);
    const directory = this.#directory(name);
    const isEmpty = isKnownToBeEmpty(directory);
    if (isEmpty === false) return;
    const job = { volume: name, directory, root: root(), path };
    if (isEmpty && isQuickCopyUp(job)) copyUpHere(job);
    else {
      const guard = { lane: volumeLane(name), action: `copy ${path} of the image into volume ${name}` };
      await this.#files.run(VOLUME_TASKS, 'copy-up', { input: job, guard });
    }
  }

  async usage(name: string, signal?: AbortSignal): Promise<number> {
    this.#require(name);
    if (this.#isLost(name)) return 0;
    const guard = { lane: volumeLane(name), action: `measure volume ${name}` };
    const input = { path: join(this.#directory(name), DATA) };
    return await this.#files.run(VOLUME_TASKS, 'usage', { input, guard, ...(signal && { signal }) });
  }

  mounted(name: string, use: VolumeMount): void {
    this.#report('mount', name, {
      container: use.containerId,
      destination: use.destination,
      propagation: '',
      'read/write': String(!use.readonly),
    });
  }

  unmounted(name: string, containerId: string): void {
    this.#report('unmount', name, { container: containerId });
  }

  /** Called once, before anything else. */
  async recover(): Promise<void> {
    mkdirSync(this.#root, { recursive: true, mode: 0o701 });
    for (const record of this.#table.all(this.#logger)) this.#volumes.set(record.name, record);
    const names = readdirSync(this.#root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    for (const name of names) {
      if (name.startsWith(REMOVED_PREFIX)) this.#deleteLater(join(this.#root, name));
      else if (!this.#volumes.has(name)) this.#recoverUnknown(name);
    }
    for (const name of this.#volumes.keys()) {
      if (!this.#isLost(name)) finishCopyUp(this.#directory(name));
      else
        this.#logger.error('a volume is lost: its directory is missing', {
          name,
          path: this.#directory(name),
        });
    }
    await this.#metadata.durable();
  }

  /** A volume that was never acknowledged, or whose removal was not: an empty one goes, data are never thrown away. */
  #recoverUnknown(name: string): void {
    try {
      checkVolumeName(name);
      if (!hasEntries(join(this.#directory(name), DATA))) {
        this.#deleteLater(this.#directory(name));
        return;
      }
      const record = { name, createdAt: `${new Date().toISOString().slice(0, 19)}Z`, labels: null };
      this.#metadata.transaction(() => this.#table.insert(record));
      this.#volumes.set(name, record);
      this.#logger.warn('found a volume that was not recorded', { name });
    } catch (error) {
      this.#logger.warn('found a directory among the volumes that is none', {
        name,
        error: messageOf(error),
      });
    }
  }

  /** Renames it first, so that its name is free at once. */
  #deleteLater(path: string): void {
    const removed = path.startsWith(join(this.#root, REMOVED_PREFIX))
      ? path
      : join(this.#root, `${REMOVED_PREFIX}${newId()}`);
    if (removed !== path) renameSync(path, removed);
    this.#files.run(VOLUME_TASKS, 'delete', { input: { path: removed } }).catch((error: unknown) => {
      this.#logger.warn('removing the rest of a volume failed', { path: removed, error: messageOf(error) });
    });
  }

  /** Containers of any user may pass through, only root may look around. */
  #makeDirectory(name: string): void {
    const directory = this.#directory(name);
    makeIfMissing(directory, 0o701);
    makeIfMissing(join(directory, DATA), 0o755);
  }

  /** Looks at names alone, so that a file system mounted on the volume's data is never asked. */
  #isLost(name: string): boolean {
    return !readNames(this.#directory(name)).includes(DATA);
  }

  #directory(name: string): string {
    return join(this.#root, name);
  }

  #require(name: string): VolumeRecord {
    const record = this.#volumes.get(name);
    if (!record) throw volumeError('no-such-volume', { subject: name });
    return record;
  }

  #view({ name, createdAt, labels, damage }: VolumeRecord): VolumeView {
    const problem = this.#isLost(name) ? 'its directory is missing' : damage;
    return {
      name,
      driver: DRIVER,
      path: join(this.#directory(name), DATA),
      createdAtMs: Date.parse(createdAt),
      ...(labels && { labels }),
      isAnonymous: labels?.[ANONYMOUS_LABEL] !== undefined,
      ...(problem !== undefined && { problem }),
    };
  }

  #report(action: string, name: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#emit({ type: 'volume', action, id: name, attributes: { ...attributes, driver: DRIVER } });
  }
}

/** It must be there for a volume that is there, too. */
function checkDriver({ name = '', driver = DRIVER }: VolumeSpec): void {
  if (driver !== DRIVER) throw volumeError('no-such-volume-driver', { subject: name, details: { driver } });
}

function checkSpec(name: string, { driverOptions = {} }: VolumeSpec): void {
  checkVolumeName(name);
  const [option] = Object.keys(driverOptions);
  if (option !== undefined)
    throw volumeError('unknown-volume-option', { subject: name, details: { option } });
}

function makeIfMissing(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
    chmodSync(path, mode);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
