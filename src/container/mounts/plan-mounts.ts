import { posix } from 'node:path';
import { newId } from '#base/ids.ts';
import { unreachable } from '#base/unreachable.ts';
import { ANONYMOUS_LABEL, checkVolumeName } from '#volume/volume-name.ts';
import { containerError } from '../container-errors.ts';
import type { MountsSpec } from '../container-spec.ts';
import type { BindMountSpec, MountSpec, TmpfsMountSpec, VolumeMountSpec } from '../mount-spec.ts';
import { mergeTmpfsOptions } from './tmpfs-options.ts';
import type { MountPlan, PlannedBind, PlannedMount, PlannedTmpfs, PlannedVolume } from './mount-plan.ts';

/** The plan of another container, whose mounts are wanted. @throws {EngineError} */
export type PlanOf = (reference: string) => MountPlan;

/**
 * Decides what a container mounts: mounts of other containers yield to those that are asked for one by one, and
 * volumes without a name to everything. Creates nothing.
 *
 * @throws {EngineError} `mount-duplicate`, `mount-at-root`, `mount-relative`, `mount-in-proc`,
 * `volume-part-unsupported`, and those of the names of volumes
 */
export function planMounts(spec: MountsSpec, planOf: PlanOf): MountPlan {
  const inherited = spec.from.flatMap(({ container, readOnly }) =>
    inheritMounts(planOf(container), readOnly),
  );
  const requested = spec.mounts.map(planMount);
  checkDistinct(requested);
  const mounts = new Map<string, PlannedMount>();
  for (const mount of [...inherited, ...requested]) mounts.set(mount.destination, mount);
  for (const path of spec.anonymous) {
    // Images may say it relative to the root.
    const destination = cleanPath(`/${path}`);
    if (!mounts.has(destination)) mounts.set(destination, planAnonymous(destination, spec.volumeDriver));
  }
  return { mounts: [...mounts.values()] };
}

function checkDistinct(requested: readonly PlannedMount[]): void {
  const taken = new Set<string>();
  for (const { destination } of requested) {
    if (taken.has(destination)) throw containerError('mount-duplicate', { subject: destination });
    taken.add(destination);
  }
}

function inheritMounts({ mounts }: MountPlan, readOnly: boolean): readonly PlannedMount[] {
  return mounts.flatMap((mount) => {
    if (mount.type === 'tmpfs') return [];
    const own = { readonly: mount.readonly || readOnly, mode: '' };
    return [mount.type === 'bind' ? { ...mount, ...own } : { ...mount, ...own, copyUp: false }];
  });
}

function planMount(mount: MountSpec): PlannedMount {
  checkTarget(mount.target, mount.type === 'bind' ? mount.source : undefined);
  switch (mount.type) {
    case 'bind':
      return planBind(mount);
    case 'volume':
      return planVolume(mount);
    case 'tmpfs':
      return planTmpfs(mount);
  }
  return unreachable(mount);
}

/** @param source of a bind */
function checkTarget(target: string, source?: string): void {
  if (posix.normalize(target) === '/') throw containerError('mount-at-root', { subject: target });
  if (!target.startsWith('/')) throw containerError('mount-relative', { subject: target });
  const destination = cleanPath(target);
  if (destination !== '/proc' && !destination.startsWith('/proc/')) return;
  if (REPLACEABLE_IN_PROC.has(destination)) return;
  if (destination === '/proc' && source !== undefined && cleanPath(source) === '/proc') return;
  throw containerError('mount-in-proc', { subject: destination });
}

/** What Docker's runtime lets users replace: programs such as lxcfs tell a container its own figures by it. */
const REPLACEABLE_IN_PROC: ReadonlySet<string> = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
]);

function planBind(mount: BindMountSpec): PlannedBind {
  const { target, source, createsSource } = mount;
  return {
    type: 'bind',
    destination: cleanPath(target),
    source: cleanPath(source),
    readonly: mount.readOnly,
    readonlyRecursive: mount.recursiveReadOnly,
    recursive: mount.recursive,
    propagation: mount.propagation,
    mode: mount.writtenOptions,
    createSource: createsSource,
  };
}

function planVolume(mount: VolumeMountSpec): PlannedVolume {
  const { driver, driverOptions, labels, writtenOptions } = mount;
  const anonymous = mount.name === undefined;
  const name = mount.name ?? newId();
  if (mount.subpath !== undefined) throw containerError('volume-part-unsupported', { subject: name });
  checkVolumeName(name);
  const ownLabels = anonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels;
  return {
    type: 'volume',
    destination: cleanPath(mount.target),
    name,
    driver,
    request: {
      name,
      driver,
      ...(driverOptions && { driverOptions }),
      ...(ownLabels && { labels: ownLabels }),
    },
    anonymous,
    readonly: mount.readOnly,
    mode: writtenOptions,
    copyUp: mount.copyUp,
  };
}

function planTmpfs({ target, readOnly, options, shown }: TmpfsMountSpec): PlannedTmpfs {
  const readonly = readOnly || options.includes('ro');
  const wanted = readonly && !options.includes('ro') ? [...options, 'ro'] : options;
  return {
    type: 'tmpfs',
    destination: cleanPath(target),
    readonly,
    options: mergeTmpfsOptions(wanted),
    shown,
  };
}

function planAnonymous(destination: string, driver = 'local'): PlannedVolume {
  checkTarget(destination);
  const name = newId();
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

/** A path without `.`, `..`, doubled and trailing slashes. */
function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
