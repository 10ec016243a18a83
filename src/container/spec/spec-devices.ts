import { readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import type { EngineError } from '#base/errors.ts';
import type { FileService } from '#linux/file-service.ts';
import { isKnownToExist, splitDeviceNumber } from '#linux/files.ts';
import type { RuntimeDevice, RuntimeDeviceRule } from '#oci/runtime-spec.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec, DeviceNode } from '../container-spec.ts';
import { CONTAINER_FILE_TASKS } from '../files/file-tasks.ts';
import { hostLane } from '../files/lanes.ts';

/** Device nodes for a container, and what its cgroup must allow for them. */
export interface SpecDevices {
  readonly nodes: readonly RuntimeDevice[];
  readonly rules: readonly RuntimeDeviceRule[];
}

/** The devices of the host that a container names. */
export interface DeviceQuery {
  readonly nodes: readonly DeviceNode[];
  /** Paths of the block devices that have limits. */
  readonly limited: readonly string[];
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** The answer to a {@link DeviceQuery}. */
export interface HostDevices {
  readonly requested: SpecDevices;
  /** The numbers of the limited devices, by path. */
  readonly numbers: Readonly<Record<string, DeviceNumber>>;
}

/** The devices that a container is given or limited on. */
export function deviceQuery({ devices, limits }: Pick<ContainerSpec, 'devices' | 'limits'>): DeviceQuery {
  const rates = [
    limits.blockIoDeviceWeights,
    limits.blockIoReadBytesPerSecond,
    limits.blockIoWriteBytesPerSecond,
    limits.blockIoReadsPerSecond,
    limits.blockIoWritesPerSecond,
  ];
  return { nodes: devices.nodes, limited: rates.flatMap((all = []) => all.map(({ path }) => path)) };
}

/**
 * Looks at them where they are, which may be any file system of the host. Blocks.
 *
 * @throws {EngineError} `device-missing`, `device-access-invalid`, `block-device-missing`
 */
export function lookForDevices({ nodes, limited }: DeviceQuery): HostDevices {
  return {
    requested: requestedDevices(nodes),
    numbers: Object.fromEntries(limited.map((path) => [path, blockDevice(path)])),
  };
}

/** The same without blocking. @throws {EngineError} `files-hang` too */
export async function findDevices(files: FileService, query: DeviceQuery): Promise<HostDevices> {
  const paths = [...query.nodes.map(({ hostPath }) => hostPath), ...query.limited];
  const elsewhere = paths.find((path) => !path.startsWith('/dev/') || !isKnownToExist(path));
  if (elsewhere === undefined) return lookForDevices(query);
  const guard = { lane: hostLane(elsewhere), action: `look at device ${elsewhere}` };
  return await files.run(CONTAINER_FILE_TASKS, 'find-devices', { input: query, guard });
}

function blockDevice(path: string): DeviceNumber {
  try {
    return splitDeviceNumber(statSync(path).rdev);
  } catch (cause) {
    throw containerError('block-device-missing', { subject: path, cause });
  }
}

/**
 * The devices of `--device`: a node, or every node below a directory.
 *
 * @throws {EngineError} `device-missing`, `device-access-invalid`
 */
function requestedDevices(requested: readonly DeviceNode[]): SpecDevices {
  const found = requested.map(devicesOf);
  return { nodes: found.flatMap(({ nodes }) => nodes), rules: found.flatMap(({ rules }) => rules) };
}

function devicesOf({ hostPath, path, access }: DeviceNode): SpecDevices {
  if (!/^[rwm]{1,3}$/.test(access)) throw containerError('device-access-invalid', { subject: access });
  const nodes = nodesBelow(hostPath, path);
  if (nodes.length === 0) throw noDevice(hostPath, 'not a device node');
  return { nodes, rules: nodes.map((node) => ruleFor(node, access)) };
}

function noDevice(path: string, problem: string, cause?: unknown): EngineError {
  return containerError('device-missing', { subject: path, details: { problem }, cause });
}

function nodesBelow(hostPath: string, path: string): readonly RuntimeDevice[] {
  let stats: Stats;
  try {
    stats = statSync(hostPath);
  } catch (cause) {
    throw noDevice(hostPath, 'no such file or directory', cause);
  }
  if (stats.isDirectory()) return walkDevices(hostPath, path);
  return nodeOf(stats, path) ?? [];
}

function ruleFor({ type, major, minor }: RuntimeDevice, access: string): RuntimeDeviceRule {
  return { allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access };
}

/** One node in a list, or undefined for what is not a device. */
function nodeOf(stats: Stats, path: string): readonly RuntimeDevice[] | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  const node: RuntimeDevice = {
    path,
    type: stats.isBlockDevice() ? 'b' : 'c',
    ...splitDeviceNumber(stats.rdev),
    fileMode: stats.mode & 0o777,
    uid: stats.uid,
    gid: stats.gid,
  };
  return [node];
}

/** Directories of /dev that are file systems of their own: a container gets its own. */
const OWN_FILE_SYSTEMS: ReadonlySet<string> = new Set([
  '/dev/pts',
  '/dev/shm',
  '/dev/fd',
  '/dev/mqueue',
  '/dev/console',
]);

/** Every device of the host, for privileged containers. */
export function allDevices(): SpecDevices {
  return { nodes: walkDevices('/dev', '/dev'), rules: [{ allow: true, access: 'rwm' }] };
}

function walkDevices(hostDirectory: string, directory: string): readonly RuntimeDevice[] {
  return readdirSync(hostDirectory, { withFileTypes: true }).flatMap((entry) => {
    const hostPath = join(hostDirectory, entry.name);
    const path = join(directory, entry.name);
    if (OWN_FILE_SYSTEMS.has(hostPath)) return [];
    if (entry.isDirectory()) return walkDevices(hostPath, path);
    return entry.isCharacterDevice() || entry.isBlockDevice() ? statNode(hostPath, path) : [];
  });
}

/** Empty for a device that has gone meanwhile. */
function statNode(hostPath: string, path: string): readonly RuntimeDevice[] {
  return unlessErrno(() => nodeOf(statSync(hostPath), path), 'ENOENT') ?? [];
}

/** There is no driver of devices yet. @throws {EngineError} `no-device-driver` */
export function checkDeviceRequests({ requests }: Pick<ContainerSpec['devices'], 'requests'>): void {
  const [request] = requests;
  if (!request) return;
  const capabilities = request.capabilities.map((all) => `[${all.join(' ')}]`).join(' ');
  throw containerError('no-device-driver', { subject: request.driver, details: { capabilities } });
}
