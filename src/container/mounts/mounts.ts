import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import type { FileService } from '#linux/file-service.ts';
import { mountAbove } from '#linux/mountinfo.ts';
import { ANONYMOUS_LABEL } from '#volume/volume-name.ts';
import type { Volumes } from '#volume/volume.ts';
import type { ContainerConfig, HostConfig, MountPoint } from '#wire/container.ts';
import { prepareBindSource } from './bind-source.ts';
import type {
  MountPlan,
  PlannedBind,
  PlannedMount,
  PlannedTmpfs,
  PlannedVolume,
  Propagation,
} from './mount-plan.ts';
import { cleanPath, destinationProblem, isMode, planBind, planMountRequest } from './mount-request.ts';
import { mergeTmpfsOptions } from './tmpfs-options.ts';

export type { MountPlan } from './mount-plan.ts';

export interface MountPlanInput {
  /** Merged with the image's: its `Volumes` are all that the container has. */
  readonly config: Pick<ContainerConfig, 'Volumes'>;
  readonly hostConfig: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>;
  /** Of another container, for `--volumes-from`. @throws {EngineError} `not-found` */
  readonly planOf: (reference: string) => MountPlan;
}

/**
 * Decides what a container mounts, by Docker's rules of precedence: `--volumes-from` gives way to `-v` and
 * `--mount`, the image's volumes to everything. Creates nothing.
 *
 * @throws {EngineError} `invalid`, with Docker's words
 */
export function planMounts(input: MountPlanInput): MountPlan {
  const { hostConfig, config } = input;
  const inherited = (hostConfig.VolumesFrom ?? []).flatMap((from) => inheritMounts(from, input.planOf));
  const tmpfs = Object.entries(hostConfig.Tmpfs ?? {}).map(planTmpfsFlag);
  const requested = [
    ...(hostConfig.Binds ?? []).map((bind) => planBind(bind, hostConfig.VolumeDriver)),
    ...(hostConfig.Mounts ?? []).map((mount) => planMountRequest(mount, hostConfig.VolumeDriver)),
  ];
  checkDistinct(requested, tmpfs);
  const mounts = new Map<string, PlannedMount>();
  for (const mount of [...inherited, ...tmpfs, ...requested]) mounts.set(mount.destination, mount);
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = cleanPath(path);
    if (!mounts.has(destination))
      mounts.set(destination, planImageVolume(destination, hostConfig.VolumeDriver));
  }
  return { mounts: [...mounts.values()] };
}

/** A `--tmpfs` and a `--mount type=tmpfs` may meet; any other two may not. */
function checkDistinct(requested: readonly PlannedMount[], tmpfs: readonly PlannedTmpfs[]): void {
  const taken = new Set<string>();
  const flags = new Set(tmpfs.map(({ destination }) => destination));
  for (const { destination, type } of requested) {
    if (taken.has(destination) || (flags.has(destination) && type !== 'tmpfs')) {
      throw new EngineError('invalid', `Duplicate mount point: ${destination}`);
    }
    taken.add(destination);
  }
}

function inheritMounts(from: string, planOf: (reference: string) => MountPlan): readonly PlannedMount[] {
  if (from === '') throw new EngineError('invalid', 'volumes-from specification cannot be an empty string');
  const colon = from.indexOf(':');
  const reference = colon < 0 ? from : from.slice(0, colon);
  const mode = colon < 0 ? '' : from.slice(colon + 1);
  if (!isMode(mode) || /nocopy|private|shared|slave/.test(mode)) {
    throw new EngineError('invalid', `invalid mode: ${mode}`);
  }
  const readonly = mode.split(',').includes('ro');
  return planOf(reference).mounts.flatMap((mount) => {
    if (mount.type === 'tmpfs') return [];
    const own = { readonly: mount.readonly || readonly, mode: '' };
    return [mount.type === 'bind' ? { ...mount, ...own } : { ...mount, ...own, copyUp: false }];
  });
}

function planTmpfsFlag([destination, options]: readonly [string, string]): PlannedTmpfs {
  const problem = destinationProblem(destination);
  if (problem) throw new EngineError('invalid', problem);
  const wanted = options === '' ? [] : options.split(',');
  return {
    type: 'tmpfs',
    destination: cleanPath(destination),
    readonly: wanted.includes('ro'),
    options: mergeTmpfsOptions(wanted),
    shown: false,
  };
}

function planImageVolume(destination: string, volumeDriver: string): PlannedVolume {
  const problem = destinationProblem(destination);
  if (problem) throw new EngineError('invalid', problem);
  const name = newId();
  const driver = volumeDriver || 'local';
  return {
    type: 'volume',
    destination,
    name,
    driver,
    request: { name, driver, labels: { [ANONYMOUS_LABEL]: '' } },
    anonymous: true,
    readonly: false,
    mode: '',
    copyUp: true,
  };
}

/** All volumes that a container uses, for {@link VolumeUse}; `anonymous` only those that go with `rm -v`. */
export function volumesOf(
  plan: MountPlan,
  options: { readonly anonymous?: boolean } = {},
): readonly string[] {
  return plan.mounts.flatMap((mount) =>
    mount.type === 'volume' && (mount.anonymous || !options.anonymous) ? [mount.name] : [],
  );
}

/**
 * Creates the volumes of a plan that do not exist; if one cannot be created, the anonymous ones made here are removed
 * again.
 */
export async function createPlannedVolumes(plan: MountPlan, volumes: Volumes): Promise<void> {
  const made: string[] = [];
  try {
    for (const mount of plan.mounts) {
      if (mount.type !== 'volume') continue;
      if (mount.anonymous && !volumes.get(mount.name)) made.push(mount.name);
      await volumes.create(mount.request);
    }
  } catch (error) {
    await Promise.allSettled(made.map((name) => volumes.remove(name, { force: true })));
    throw error;
  }
}

/** The mounts as inspect and list show them. */
export function showMounts(plan: MountPlan, volumes: Pick<Volumes, 'get'>): readonly MountPoint[] {
  return plan.mounts.flatMap((mount) => (isShown(mount) ? [showMount(mount, volumes)] : []));
}

function isShown(mount: PlannedMount): boolean {
  return mount.type !== 'tmpfs' || mount.shown;
}

function showMount(mount: PlannedMount, volumes: Pick<Volumes, 'get'>): MountPoint {
  const common = { Destination: mount.destination, RW: !mount.readonly, Propagation: '' };
  if (mount.type === 'tmpfs') return { Type: 'tmpfs', Source: '', Mode: '', ...common };
  if (mount.type === 'bind') {
    const { source, mode, propagation } = mount;
    return { Type: 'bind', Source: source, Mode: mode, ...common, Propagation: propagation };
  }
  const source = volumes.get(mount.name)?.path ?? '';
  const { name, driver, mode } = mount;
  return { Type: 'volume', Name: name, Source: source, Driver: driver, Mode: mode, ...common };
}

/** A mount that is ready for the runtime. */
export interface ResolvedMount {
  readonly type: 'bind' | 'tmpfs';
  readonly destination: string;
  readonly source: string;
  /** In the words of the runtime specification. */
  readonly options: readonly string[];
  /** Where something other than private was asked for: the root mount must then allow it. */
  readonly propagation?: Propagation;
}

export interface MountContext {
  readonly containerId: string;
  /** The container's mounted root file system. */
  readonly rootPath: string;
  readonly volumes: Volumes;
  readonly files: FileService;
  /** At the container's first start: empty volumes get the image's files. Later, what a user has deleted stays so. */
  readonly populate: boolean;
}

/**
 * Makes the sources of a plan's mounts ready: directories for `-v`, the image's files in empty volumes. Mount
 * points inside the root are left to the runtime, which makes them in the container's own mount namespace without
 * following links out of its root.
 *
 * Returns them in the order in which they must be mounted: parents first. Call {@link releaseMounts} when the
 * container has ended.
 *
 * @throws {EngineError} `invalid` for a bind source that is missing or whose mount is not shared as asked for
 */
export async function resolveMounts(
  plan: MountPlan,
  context: MountContext,
): Promise<readonly ResolvedMount[]> {
  const resolved: ResolvedMount[] = [];
  for (const mount of plan.mounts.toSorted(byDepth)) resolved.push(await resolveMount(mount, context));
  for (const mount of plan.mounts) reportMounted(mount, context);
  return resolved;
}

function reportMounted(mount: PlannedMount, { volumes, containerId }: MountContext): void {
  if (mount.type !== 'volume') return;
  volumes.mounted(mount.name, { containerId, destination: mount.destination, readonly: mount.readonly });
}

/** Reports the volumes of a container that has ended as unmounted. */
export function releaseMounts(plan: MountPlan, context: Pick<MountContext, 'containerId' | 'volumes'>): void {
  for (const name of volumesOf(plan)) context.volumes.unmounted(name, context.containerId);
}

/** Orders mounts by the depth of their destinations. */
export function byDepth(a: { readonly destination: string }, b: { readonly destination: string }): number {
  return a.destination.split('/').length - b.destination.split('/').length;
}

async function resolveMount(mount: PlannedMount, context: MountContext): Promise<ResolvedMount> {
  if (mount.type === 'bind') return await resolveBind(mount, context.files);
  if (mount.type === 'volume') return await resolveVolume(mount, context);
  return { type: 'tmpfs', destination: mount.destination, source: 'tmpfs', options: mount.options };
}

async function resolveBind(mount: PlannedBind, files: FileService): Promise<ResolvedMount> {
  await prepareBindSource(files, mount);
  const { propagation, source, destination } = mount;
  const options = [
    mount.recursive ? 'rbind' : 'bind',
    ...readonlyOption(mount.readonly, mount.readonlyRecursive),
    propagation,
  ];
  if (propagation.endsWith('private')) return { type: 'bind', destination, source, options };
  checkPropagation(source, propagation);
  return { type: 'bind', destination, source, options, propagation };
}

/** `rro` (mount_setattr(2)): without it, a writable mount below a read-only one stays writable. */
function readonlyOption(readonly: boolean, recursive: boolean): readonly string[] {
  if (!readonly) return [];
  return [recursive ? 'rro' : 'ro'];
}

/** What the host's mount does not propagate, the container's cannot either: Docker refuses, and so do we. */
function checkPropagation(source: string, propagation: Propagation): void {
  const mount = mountAbove(source) ?? { target: '/', propagation: [] };
  const shared = mount.propagation.some((field) => field.startsWith('shared:'));
  const slave = mount.propagation.some((field) => field.startsWith('master:'));
  if (shared || (slave && propagation.endsWith('slave'))) return;
  const wanted = propagation.endsWith('slave') ? 'a shared or slave mount' : 'a shared mount';
  throw new EngineError('invalid', `path ${source} is mounted on ${mount.target} but it is not ${wanted}.`);
}

async function resolveVolume(mount: PlannedVolume, context: MountContext): Promise<ResolvedMount> {
  const { volumes, rootPath } = context;
  const volume = volumes.get(mount.name) ?? (await volumes.create(mount.request));
  if (mount.copyUp && context.populate) await volumes.copyUp(mount.name, rootPath, mount.destination);
  return {
    type: 'bind',
    destination: mount.destination,
    source: volume.path,
    options: ['rbind', ...readonlyOption(mount.readonly, true)],
  };
}
