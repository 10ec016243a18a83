import type { FileService } from '#linux/file-service.ts';
import type { MountPropagation } from '#container/mount-spec.ts';
import { mountAbove } from '#linux/mountinfo.ts';
import { isPropagationOption } from '#syntax/volume.ts';
import type { Volumes } from '#volume/volume.ts';
import { containerError } from '../container-errors.ts';
import { prepareBindSource } from './bind-source.ts';
import type { MountPlan, PlannedBind, PlannedMount, PlannedTmpfs, PlannedVolume } from './mount-plan.ts';

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

/**
 * Gives volumes that are empty what the image has where they are mounted. Once, when the container is created: what a
 * user deletes later stays deleted.
 *
 * @param root of the image; asked for only if it is needed
 * @throws {EngineError} `volume-over-file`
 */
export async function fillVolumes(plan: MountPlan, volumes: Volumes, root: () => string): Promise<void> {
  for (const mount of plan.mounts) {
    if (mount.type === 'volume' && mount.copyUp) await volumes.copyUp(mount.name, root, mount.destination);
  }
}

/** A mount that is ready for the runtime. */
export interface ResolvedMount {
  readonly type: 'bind' | 'tmpfs';
  readonly destination: string;
  readonly source: string;
  /** In the words of the runtime specification. */
  readonly options: readonly string[];
  /** Absent for private mounts; otherwise the root mount must allow it. */
  readonly propagation?: MountPropagation;
}

export interface MountContext {
  readonly containerId: string;
  readonly volumes: Volumes;
  readonly files: FileService;
  /** Where the engine mounts things of its own. */
  readonly ownDirectories: readonly string[];
}

/**
 * Makes the sources of a plan's mounts ready, such as directories for `-v`. Mount points inside the root are left to
 * the runtime, which makes them in the container's own mount namespace without following links out of its root.
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

export function releaseMounts(plan: MountPlan, context: Pick<MountContext, 'containerId' | 'volumes'>): void {
  for (const name of volumesOf(plan)) context.volumes.unmounted(name, context.containerId);
}

/** Orders mounts by the depth of their destinations. */
export function byDepth(a: { readonly destination: string }, b: { readonly destination: string }): number {
  return a.destination.split('/').length - b.destination.split('/').length;
}

async function resolveMount(mount: PlannedMount, context: MountContext): Promise<ResolvedMount> {
  if (mount.type === 'bind') return await resolveBind(mount, context);
  if (mount.type === 'volume') return await resolveVolume(mount, context);
  return resolveTmpfs(mount);
}

function resolveTmpfs({ destination, options }: PlannedTmpfs): ResolvedMount {
  const propagation = options.find(isPropagationOption);
  const isPrivate = propagation === undefined || propagation.endsWith('private');
  return { type: 'tmpfs', destination, source: 'tmpfs', options, ...(!isPrivate && { propagation }) };
}

/** What a mount's source takes to be made ready. */
export type MountSources = Pick<MountContext, 'volumes' | 'files'>;

/** Where a mount's files are on the host: made ready where they were not. @throws {EngineError} */
export async function sourceOf(
  { volumes, files }: MountSources,
  mount: PlannedBind | PlannedVolume,
): Promise<string> {
  if (mount.type === 'volume') {
    if (!volumes.get(mount.name)) await volumes.create(mount.request);
    return volumes.open(mount.name);
  }
  await prepareBindSource(files, mount);
  return mount.source;
}

async function resolveBind(mount: PlannedBind, context: MountContext): Promise<ResolvedMount> {
  const source = await sourceOf(context, mount);
  const propagation = effectivePropagation(mount, context);
  const { destination } = mount;
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

/**
 * A private copy of what the engine has mounted would hold it for as long as the container runs. It follows the
 * engine's own mounts instead, where the host lets it.
 */
function effectivePropagation(
  { source, propagation }: PlannedBind,
  { ownDirectories }: Pick<MountContext, 'ownDirectories'>,
): MountPropagation {
  if (propagation !== 'rprivate' || !ownDirectories.some((own) => areNested(source, own))) return propagation;
  return canPropagate(source, 'rslave') ? 'rslave' : propagation;
}

function areNested(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => (path.endsWith('/') ? path : `${path}/`));
  return a !== undefined && b !== undefined && (a.startsWith(b) || b.startsWith(a));
}

function canPropagate(source: string, propagation: MountPropagation): boolean {
  const fields = mountAbove(source)?.propagation ?? [];
  const isSlave = fields.some((field) => field.startsWith('master:'));
  return fields.some((field) => field.startsWith('shared:')) || (isSlave && propagation.endsWith('slave'));
}

/** What the host's mount does not propagate, the container's cannot either: Docker refuses, and so do we. */
function checkPropagation(source: string, propagation: MountPropagation): void {
  if (canPropagate(source, propagation)) return;
  const mount = mountAbove(source) ?? { target: '/' };
  const wanted = propagation.endsWith('slave') ? 'a shared or slave mount' : 'a shared mount';
  throw containerError('propagation-impossible', {
    subject: source,
    details: { mountPoint: mount.target, wanted },
  });
}

async function resolveVolume(mount: PlannedVolume, context: MountContext): Promise<ResolvedMount> {
  return {
    type: 'bind',
    destination: mount.destination,
    source: await sourceOf(context, mount),
    options: ['rbind', ...readonlyOption(mount.readonly, true)],
  };
}
