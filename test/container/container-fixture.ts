/** What these tests share: containers with everything real below them, in a directory of their own. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Logger, createLogger } from '#base/log.ts';
import type { ImageStore } from '#image/image.ts';
import { createImages } from '#image/create-images.ts';
import { imageMigrations } from '#image/image-migrations.ts';
import { createLayerStore } from '#layer/layer-store.ts';
import { createRootArchive } from '#layer/root-archive.ts';
import { createSnapshotStore } from '#layer/snapshot-store.ts';
import { LayerWorkerPool } from '#layer/worker-pool.ts';
import { prepareCgroups } from '#linux/cgroup-setup.ts';
import { readCgroupLayout } from '#linux/cgroup-layout.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import { createLogDrivers } from '#log/drivers.ts';
import { createNetworks } from '#network/create-networks.ts';
import { networkMigrations } from '#network/network-table.ts';
import type { Networks } from '#network/network.ts';
import { ExpendableDigests, storeMigrations } from '#store/expendable.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { MemoryLeases } from '#store/leases.ts';
import { LostDirectory } from '#store/lost-and-found.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import type { Volumes } from '#volume/volume.ts';
import { createVolumes } from '#volume/volumes.ts';
import { volumeMigrations } from '#volume/volume-table.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import type { DomainEvent } from '#base/event.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { until } from '#base/testing.ts';
import { createContainers, recordedSandboxes } from '#container/create-containers.ts';
import type { OwnedContainers } from '#container/engine-containers.ts';
import { containerMigrations } from '#container/container-store.ts';
import type { AttachRequest, Attachment, OutputChunk } from '#container/container.ts';
import { type DockerContainers, dockerContainers } from './docker-containers.ts';

/** `TEST_RUNTIME=runc` for the other one. */
export const RUNTIME =
  process.env['TEST_RUNTIME'] === 'runc'
    ? ({ name: 'runc', path: '/usr/sbin/runc' } as const)
    : ({ name: 'crun', path: '/usr/bin/crun' } as const);
const LIMITS = { maximumLayerBytes: 64 << 20, maximumEntries: 10_000 };

interface FixtureParts {
  readonly path: string;
  readonly events: readonly DomainEvent[];
  readonly containers: DockerContainers;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly stack: AsyncDisposableStack;
  readonly cgroupParent: string;
}

/** One daemon's worth of containers. */
export class ContainerFixture implements AsyncDisposable {
  readonly path: string;
  readonly events: readonly DomainEvent[];
  readonly containers: DockerContainers;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly #stack: AsyncDisposableStack;
  readonly cgroupParent: string;
  #destroys = true;

  private constructor(parts: FixtureParts) {
    this.path = parts.path;
    this.events = parts.events;
    this.containers = parts.containers;
    this.networks = parts.networks;
    this.volumes = parts.volumes;
    this.#stack = parts.stack;
    this.cgroupParent = parts.cgroupParent;
  }

  static async open(
    path: string = mkdtempSync(join(tmpdir(), 'caisson-ctr-')),
    logger: Logger = createLogger('warn'),
  ): Promise<ContainerFixture> {
    await using stack = new AsyncDisposableStack();
    const root = join(path, 'root');
    const run = join(path, 'run');
    const metadata = stack.use(
      new SqliteMetadata(root, [
        storeMigrations,
        imageMigrations,
        volumeMigrations,
        networkMigrations,
        containerMigrations,
      ]),
    );
    const lost = new LostDirectory(root, logger);
    const expendable = new ExpendableDigests(metadata);
    const content = stack.use(new FileContentStore(join(root, 'content')));
    const files = stack.use(new ThreadedFileService());
    const workers = stack.use(new LayerWorkerPool(1, files));
    const layers = stack.use(
      createLayerStore({
        rootDirectory: join(root, 'layers'),
        runDirectory: join(run, 'layers'),
        content,
        mode: 'auto',
        limits: LIMITS,
        lost,
        logger,
        workers,
      }),
    );
    const snapshots = stack.use(
      createSnapshotStore({
        rootDirectory: join(root, 'snapshots'),
        runDirectory: join(run, 'snapshots'),
        layers,
        lost,
        logger,
        workers,
      }),
    );
    const archive = stack.use(createRootArchive(workers));
    const events: DomainEvent[] = [];
    const emit = (event: DomainEvent) => void events.push(event);
    let service: OwnedContainers | undefined;
    const images = await createImages({
      content,
      metadata,
      layers,
      leases: new MemoryLeases(expendable),
      expendable,
      lost,
      use: { containersOf: (id) => service?.imageUse.containersOf(id) ?? [] },
      emit,
      logger,
    });
    const volumes = await createVolumes({
      rootDirectory: join(root, 'volumes'),
      metadata,
      files,
      use: { containersOf: (name) => service?.volumeUse.containersOf(name) ?? [] },
      emit,
      logger,
    });
    const suffix = path.slice(-6).replace(/\W/g, '').toLowerCase();
    const networks = stack.use(
      await createNetworks({
        metadata,
        runDirectory: join(run, 'networks'),
        bridgeName: `ctt${suffix}`,
        tableName: `caisson_ctt_${suffix}`,
        poolSize: 2,
        iptables: true,
        userlandProxy: true,
        ipv6: false,
        icc: true,
        hasDefaultBridge: true,
        masquerades: true,
        forwards: true,
        defaultBindAddress: '0.0.0.0',
        dns: [],
        dnsSearch: [],
        dnsOptions: [],
        emit,
        logger,
        restore: recordedSandboxes(metadata, logger),
      }),
    );
    const cgroups = prepareCgroups();
    const cgroupParent = `/caisson-test-${suffix}`;
    const containers = await createContainers({
      metadata,
      snapshots,
      archive,
      files,
      images,
      logs: createLogDrivers(),
      volumes,
      networks,
      lost,
      emit,
      logger,
      directories: { root: join(root, 'containers'), run: join(run, 'containers') },
      runtime: RUNTIME,
      cgroupLayout: cgroups.layout,
      defaults: {
        isLogDriverChosen: false,
        logDriver: 'json-file',
        logOptions: {},
        stopTimeoutSeconds: 60,
        cgroupParent,
        seccompProfile: '',
        initPath: '/usr/bin/tini',
        shmSizeBytes: 64 << 20,
        ulimits: [],
        init: false,
        noNewPrivileges: false,
        ipc: 'private',
      },
    });
    service = containers;
    stack.defer(() => containers.close());
    await containers.restore();
    await importBusybox(images);
    return new ContainerFixture({
      path,
      stack: stack.move(),
      cgroupParent,
      containers: dockerContainers(containers),
      networks,
      volumes,
      events,
    });
  }

  /** Ends this daemon and leaves its containers to the next one in the same place. */
  async close(): Promise<void> {
    this.#destroys = false;
    await this.#stack.disposeAsync();
  }

  async create(
    cmd: readonly string[],
    changes: Record<string, unknown> = {},
    name?: string,
  ): Promise<string> {
    const { HostConfig = {}, ...config } = changes as { HostConfig?: object };
    const body = { Image: 'bb', Cmd: cmd, ...config, HostConfig: { NetworkMode: 'none', ...HostConfig } };
    const { id } = await this.containers.create(
      decodeCreateRequest(JSON.stringify(body)),
      name === undefined ? {} : { name },
    );
    return id;
  }

  async run(cmd: readonly string[], changes: Record<string, unknown> = {}): Promise<string> {
    const id = await this.create(cmd, changes);
    await this.containers.start(id);
    return id;
  }

  async exitCode(id: string): Promise<number> {
    const { exit } = await this.containers.wait(id, 'not-running');
    return (await exit).exitCode;
  }

  /** Removes every container, and checks that nothing is left of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#destroys) return;
    const all = await this.containers.list({ all: true, limit: 0, size: false, filters: new Map() });
    for (const { Id } of all) await this.containers.remove(Id, { force: true, volumes: true, link: false });
    // An exec ends with its container, but what is left of it is not waited for.
    await until(
      () => leftovers(this.path).length === 0,
      () => `nothing is left: ${leftovers(this.path).join(' ')}`,
    );
    await this.networks.destroy();
    await this.#stack.disposeAsync();
    removeCgroups(this.cgroupParent);
    assert.deepEqual(
      listMounts()
        .filter(({ target }) => target.startsWith(this.path))
        .map(({ target }) => target),
      [],
    );
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The runtime makes the parent of containers' cgroups, and leaves it. */
function removeCgroups(parent: string): void {
  const { v1Controllers, unifiedPath } = readCgroupLayout();
  for (const mount of new Set([
    ...v1Controllers.values(),
    ...(unifiedPath === undefined ? [] : [unifiedPath]),
  ])) {
    if (existsSync(join(mount, parent))) rmdirSync(join(mount, parent));
  }
}

/** Files of containers below a fixture's directory. */
export function leftovers(path: string): readonly string[] {
  const directories = [
    'root/containers',
    'run/containers/bundles',
    'run/containers/execs',
    'run/containers/notices',
    'run/containers/shm',
    'run/containers/runtime',
  ];
  return directories.flatMap((directory) =>
    readdirSync(join(path, directory))
      .filter((name) => name !== '.cache')
      .map((name) => `${directory}/${name}`),
  );
}

/** All that a container has said up to now. */
export async function logOf({ containers }: ContainerFixture, id: string): Promise<string> {
  const query = { stdout: true, stderr: true, follow: false, perLine: false };
  let text = '';
  for await (const { data } of (await containers.logs(id, query)).records) text += data.toString();
  return text;
}

/** Everything an attachment says, and its exit. */
export async function collect(
  attachment: Attachment,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const output = { stdout: '', stderr: '' };
  for await (const { stream, data } of attachment.output as AsyncIterable<OutputChunk>)
    output[stream] += data.toString();
  return output;
}

export const ATTACH: AttachRequest = {
  stdin: false,
  stdout: true,
  stderr: true,
  stream: true,
  logs: false,
  detachKeys: '',
};

/** Once in a directory. */
async function importBusybox(images: ImageStore): Promise<void> {
  try {
    images.resolve('bb');
  } catch {
    const archive = Readable.from([busyboxRootTar()]);
    await images.import({ archive, reference: 'bb', changes: ['CMD ["sh"]', 'ENV PATH=/bin'] });
  }
}
