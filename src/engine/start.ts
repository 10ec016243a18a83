import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { newId } from '#base/ids.ts';
import type { Builds } from '#build/build.ts';
import type { ContainerStatus } from '#container/views.ts';
import type { ImageStore } from '#image/image.ts';
import type { Networks } from '#network/network.ts';
import type { Registries } from '#registry/registry.ts';
import type { Volumes } from '#volume/volume.ts';
import { type DiskUsage, measureDiskUsage, type UsageType } from './disk-usage.ts';
import type { EngineApi, EngineEvent, EngineInfo, EngineVersion, EventQuery } from './engine.ts';
import { completeInfo } from './info.ts';
import type { Integrity } from './integrity.ts';
import { type LibraryContainers, withRun } from './library/run-container.ts';
import type { EngineOptions } from './options.ts';
import { engineVersion } from './version.ts';
import { type EngineParts, wire } from './wiring.ts';

const NO_FILTERS: ReadonlyMap<string, readonly string[]> = new Map();

/**
 * One engine in this process. Disposing it stops the engine and leaves its containers running; the next engine on
 * the same root adopts them.
 */
export class Engine implements EngineApi, AsyncDisposable {
  readonly containers: LibraryContainers;
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly registries: Registries;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly integrity: Integrity;
  readonly #options: EngineOptions;
  readonly #parts: EngineParts;
  readonly #resources: AsyncDisposableStack;
  readonly id: string;

  private constructor(options: EngineOptions, parts: EngineParts, resources: AsyncDisposableStack) {
    this.containers = withRun(parts);
    this.images = parts.images;
    this.builds = parts.builds;
    this.registries = parts.registries;
    this.networks = parts.networks;
    this.volumes = parts.volumes;
    this.integrity = parts.integrity;
    this.#options = options;
    this.#parts = parts;
    this.#resources = resources;
    this.id = identityOf(parts.directories.root);
  }

  /**
   * Opens everything, finishes or undoes what an earlier engine left half-done, and takes over what still runs.
   * Needs root.
   *
   * @throws {EngineError} `conflict` while another engine has the root or the run directory, `unavailable` without an
   * OCI runtime or
   *   nftables, `invalid` for options that make no sense
   */
  static async start(options: EngineOptions): Promise<Engine> {
    await using resources = new AsyncDisposableStack();
    const parts = await wire(options, resources);
    return new Engine(options, parts, resources.move());
  }

  events(query: EventQuery): AsyncIterable<EngineEvent> {
    return this.#parts.events.subscribe(query);
  }

  version(): EngineVersion {
    return engineVersion(this.#parts.runtime, this.#options.experimental ?? false);
  }

  async info(): Promise<EngineInfo> {
    const { runtime, otherRuntime, cgroups, directories, layers, logs, logDriver, events } = this.#parts;
    const [containers, images] = await Promise.all([
      this.containers.list({ all: true, limit: 0, size: false, filters: NO_FILTERS }),
      this.images.list({ all: true, filters: NO_FILTERS, sharedSize: false }),
    ]);
    const count = (status: ContainerStatus) =>
      containers.filter(({ state }) => state.status === status).length;
    const running = count('running');
    const paused = count('paused');
    return completeInfo({
      id: this.id,
      version: this.version(),
      containers: { running, paused, stopped: containers.length - running - paused },
      images: images.length,
      root: directories.root,
      layers: layers.kind,
      logDrivers: [...logs.keys()].toSorted(),
      logDriver,
      cgroup: cgroupFacts(cgroups.layout),
      runtimes: [runtime, ...(otherRuntime ? [otherRuntime] : [])].map(({ name, path }) => ({ name, path })),
      initPath: this.#options.initPath ?? 'docker-init',
      hasSeccomp: this.#options.seccompProfile !== 'unconfined',
      labels: this.#options.labels ?? [],
      registries: {
        insecure: this.#options.insecureRegistries ?? [],
        mirrors: this.#options.registryMirrors ?? [],
      },
      eventListeners: events.listenerCount,
      warnings: cgroups.warnings,
    });
  }

  diskUsage(types: readonly UsageType[]): Promise<DiskUsage> {
    return measureDiskUsage({ ...this.#parts, containers: this.containers }, types);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function cgroupFacts(layout: EngineParts['cgroups']['layout']): {
  readonly version: '1' | '2';
  readonly controllers: ReadonlySet<string>;
} {
  if (layout.mode !== 'v2') return { version: '1', controllers: new Set(layout.v1Controllers.keys()) };
  const list = readFileSync(join(layout.unifiedPath ?? '/sys/fs/cgroup', 'cgroup.controllers'), 'utf8');
  return { version: '2', controllers: new Set(list.trim().split(' ')) };
}

/** Made once for each root, as clients tell engines apart by it. */
function identityOf(root: string): string {
  const path = join(root, 'engine-id');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  mkdirSync(dirname(path), { recursive: true });
  const digits = newId();
  const id = [8, 12, 16, 20, 32].map((end, index, ends) => digits.slice(ends[index - 1] ?? 0, end)).join('-');
  writeFileSync(path, `${id}\n`);
  return id;
}
