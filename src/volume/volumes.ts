import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import type { FileService } from '#linux/file-service.ts';
import type { Metadata } from '#store/metadata.ts';
import type { EmitEvent } from '#base/event.ts';
import type { VolumeInspect } from '#wire/volume.ts';
import { copyUpHere, DATA, finishCopyUp, hasEntries, isQuickCopyUp } from './copy-up.ts';
import { ANONYMOUS_LABEL, checkVolumeName } from './volume-name.ts';
import { volumeError } from './volume-errors.ts';
import { type VolumeRecord, VolumeTable } from './volume-table.ts';
import { VOLUME_TASKS, volumeLane } from './volume-tasks.ts';
import type { VolumeMount, VolumeRequest, Volumes, VolumeUse } from './volume.ts';

export { volumeMigrations } from './volume-table.ts';

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
 * The driver `local`. A volume exists when the database says so: its directory is made before and taken away after,
 * and made again where a crash has lost it.
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

  async create(request: VolumeRequest): Promise<VolumeInspect> {
    const existing = request.name ? this.#volumes.get(request.name) : undefined;
    if (!existing) return await this.#createNew(request);
    // Another caller may have made it just now.
    await this.#metadata.durable();
    return this.#inspect(existing);
  }

  async #createNew(request: VolumeRequest): Promise<VolumeInspect> {
    const name = request.name || newId();
    const labels = request.name ? request.labels : { ...request.labels, [ANONYMOUS_LABEL]: '' };
    checkRequest(name, request);
    const createdAt = `${new Date().toISOString().slice(0, 19)}Z`;
    const record = { name, createdAt, labels: labels ?? null };
    this.#makeDirectory(name);
    this.#metadata.transaction(() => this.#table.insert(record));
    this.#volumes.set(name, record);
    await this.#metadata.durable();
    this.#report('create', name);
    return this.#inspect(record);
  }

  get(name: string): VolumeInspect | undefined {
    const record = this.#volumes.get(name);
    return record && this.#inspect(record);
  }

  list(): readonly VolumeInspect[] {
    const records = [...this.#volumes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return records.map((record) => this.#inspect(record));
  }

  async remove(name: string, options: { readonly force: boolean }): Promise<void> {
    using _ = await this.#locks.acquire(name);
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
    renameSync(this.#directory(name), removed);
    await this.#metadata.durable();
    this.#report('destroy', name);
    await this.#files.run(VOLUME_TASKS, 'delete', { input: { path: removed } });
  }

  isAnonymous(name: string): boolean {
    return this.#volumes.get(name)?.labels?.[ANONYMOUS_LABEL] !== undefined;
  }

  async copyUp(name: string, root: string, path: string): Promise<void> {
    using _ = await this.#locks.acquire(name);
    this.#require(name);
    const job = { directory: this.#directory(name), root, path };
    if (isQuickCopyUp(job)) copyUpHere(job);
    else {
      const guard = { lane: volumeLane(name), action: `copy ${path} of the image into volume ${name}` };
      await this.#files.run(VOLUME_TASKS, 'copy-up', { input: job, guard });
    }
  }

  async usage(name: string): Promise<number> {
    this.#require(name);
    const guard = { lane: volumeLane(name), action: `measure volume ${name}` };
    const input = { path: join(this.#directory(name), DATA) };
    return await this.#files.run(VOLUME_TASKS, 'usage', { input, guard });
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
    for (const record of this.#table.all()) this.#volumes.set(record.name, record);
    const names = readdirSync(this.#root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    for (const name of names) {
      if (name.startsWith(REMOVED_PREFIX)) this.#deleteLater(join(this.#root, name));
      else if (!this.#volumes.has(name)) this.#recoverUnknown(name);
    }
    for (const name of this.#volumes.keys()) {
      this.#makeDirectory(name);
      finishCopyUp(this.#directory(name));
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

  /** Off the way: its name is free at once. */
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

  #directory(name: string): string {
    return join(this.#root, name);
  }

  #require(name: string): VolumeRecord {
    const record = this.#volumes.get(name);
    if (!record) throw volumeError('no-such-volume', { subject: name });
    return record;
  }

  #inspect({ name, createdAt, labels }: VolumeRecord): VolumeInspect {
    return {
      CreatedAt: createdAt,
      Driver: DRIVER,
      Labels: labels,
      Mountpoint: join(this.#directory(name), DATA),
      Name: name,
      Options: null,
      Scope: 'local',
    };
  }

  #report(action: string, name: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#emit({ type: 'volume', action, id: name, attributes: { ...attributes, driver: DRIVER } });
  }
}

function checkRequest(name: string, request: VolumeRequest): void {
  const driver = request.driver || DRIVER;
  if (driver !== DRIVER) {
    const problem = `error looking up volume plugin ${driver}: plugin "${driver}" not found`;
    throw new EngineError('not-found', `create ${name}: ${problem}`);
  }
  checkVolumeName(name);
  const [option] = Object.keys(request.driverOptions ?? {});
  if (option === undefined) return;
  throw new EngineError('invalid', `create ${name}: invalid option: ${JSON.stringify(option)}`);
}

function makeIfMissing(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
    chmodSync(path, mode);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
