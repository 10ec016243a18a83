import { spawnSync } from 'node:child_process';
import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostNames } from '../../src/engine/directories.ts';
import { listMounts } from '../../src/linux/mountinfo.ts';
import { linkPrefix } from '../../src/network/veth-pairs.ts';

/** How the daemon under test is recognised on the host. */
export interface Traces {
  readonly directory: string;
  readonly root: string;
  readonly run: string;
  readonly bridge: string;
  /** Path of the network namespace that the daemon lives in, where it is not ours. */
  readonly netns?: string;
}

/** The engines and containers that may have something on the host. */
export interface Owners {
  /** Ids of running containers and execs: bundles, mounts, processes, namespaces. */
  readonly running: readonly string[];
  /** Ids of all containers: directories and snapshots. */
  readonly known: readonly string[];
  /** Elements of the firewall's maps. */
  readonly publishedPorts: number;
  /** Namespaces kept ready; 0 when the daemon has stopped. */
  readonly poolSize: number;
}

const NO_OWNERS: Owners = { running: [], known: [], publishedPorts: 0, poolSize: 0 };

const ID = /[0-9a-f]{64}/;

/**
 * Mounts, processes, namespaces, links, firewall elements and files that none of `owners` accounts for, one line each.
 * A daemon that has stopped may leave its bridge, its table, its images and its metadata, and nothing else.
 */
function findLeftovers(traces: Traces, owners: Owners = NO_OWNERS): readonly string[] {
  return [
    ...unownedMounts(traces, owners),
    ...unownedProcesses(traces, owners),
    ...unownedLinks(traces, owners),
    ...unownedElements(traces, owners),
    ...unownedCgroups(traces, owners),
    ...unownedRunFiles(traces, owners),
    ...unownedRootFiles(traces, owners),
  ];
}

/**
 * Those that stay: what the kernel removes by itself takes a moment, cables of dropped namespaces some seconds, and on
 * a
 * busy machine many more.
 */
export async function lastingLeftovers(traces: Traces, owners?: Owners): Promise<readonly string[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = findLeftovers(traces, owners);
    if (found.length === 0 || Date.now() > deadline) return found;
    await sleep(30);
  }
}

function unownedMounts(traces: Traces, owners: Owners): readonly string[] {
  const isActive = owners.running.length > 0 || owners.poolSize > 0;
  const mounts = mountsBelow(traces.run);
  const namespaces = mounts.filter(({ type }) => type === 'nsfs');
  const allowed = owners.running.length + owners.poolSize;
  const others = mounts.filter(
    ({ target, type }) =>
      type !== 'nsfs' &&
      !owners.running.some((id) => target.includes(id)) &&
      !(isActive && target.startsWith(join(traces.run, 'layers'))),
  );
  return [
    ...(namespaces.length > allowed ? namespaces.map(({ target }) => `namespace ${target}`) : []),
    ...others.map(({ target, type }) => `${type} mount ${target}`),
    ...mountsBelow(traces.root).map(({ target, type }) => `${type} mount ${target}`),
  ];
}

interface Mount {
  readonly target: string;
  readonly type: string;
}

export function mountsBelow(directory: string): readonly Mount[] {
  return listMounts()
    .filter(({ target }) => target.startsWith(`${directory}/`))
    .map(({ target, fsType }) => ({ target, type: fsType }));
}

function unownedProcesses(traces: Traces, owners: Owners): readonly string[] {
  return processesOf(traces)
    .filter(({ text }) => !owners.running.some((id) => text.includes(id)))
    .map(({ pid, text }) => `process ${pid} ${text}`);
}

interface ProcessTrace {
  readonly pid: number;
  /** Command line, working directory and control groups. */
  readonly text: string;
}

/** Monitors, runtimes and terminal holders, and processes in containers. */
function processesOf(traces: Traces): readonly ProcessTrace[] {
  const cgroup = cgroupParent(traces);
  return numericEntries('/proc').flatMap((pid) => {
    if (pid === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const directory = readlinkSync(`/proc/${pid}/cwd`);
      const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
      const isOurs =
        directory.startsWith(`${traces.directory}/`) ||
        command.includes(`${traces.run}/`) ||
        cgroups.includes(`/${cgroup}/`);
      const [group = ''] = cgroups.split('\n').filter((line) => line.includes(`/${cgroup}/`));
      return isOurs && !isDaemon(command) ? [{ pid, text: `${command} ${directory} ${group}` }] : [];
    } catch {
      return [];
    }
  });
}

function isDaemon(command: string): boolean {
  return command.includes('/main/caissond.ts');
}

/** The control group that all containers of the daemon are in. */
function cgroupParent(traces: Traces): string {
  return hostNames({ root: traces.root, run: traces.run }).table;
}

function numericEntries(directory: string): readonly number[] {
  return readdirSync(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The host's ends of cables: one a container and one a ready namespace. */
function unownedLinks(traces: Traces, owners: Owners): readonly string[] {
  const links = cablesOf(traces);
  return links.length > owners.running.length + owners.poolSize ? links.map((name) => `link ${name}`) : [];
}

function cablesOf(traces: Traces): readonly string[] {
  const names = [...inNetns(traces, 'ip', ['-o', 'link']).matchAll(/^\d+: ([^:@]+)/gm)];
  return names.map((match) => match[1] ?? '').filter((name) => name.startsWith(linkPrefix(traces.bridge)));
}

function unownedElements(traces: Traces, owners: Owners): readonly string[] {
  const elements = publishedElements(traces);
  return elements.length > owners.publishedPorts ? elements.map((text) => `firewall element ${text}`) : [];
}

/** Elements of the maps that lead published ports to containers. */
function publishedElements(traces: Traces): readonly string[] {
  const listing = inNetns(traces, 'nft', ['-j', 'list', 'table', 'inet', tableOf(traces)]);
  if (listing === '') return [];
  const { nftables }: { nftables: { map?: { elem?: unknown[] } }[] } = JSON.parse(listing);
  return nftables.flatMap(({ map }) => map?.elem ?? []).map((element) => JSON.stringify(element));
}

function tableOf(traces: Traces): string {
  return hostNames({ root: traces.root, run: traces.run }).table;
}

function unownedCgroups(traces: Traces, owners: Owners): readonly string[] {
  return cgroupDirectories(traces)
    .flatMap((parent) => entriesOf(parent).map(({ name }) => join(parent, name)))
    .filter((path) => ID.test(path) && !owners.running.some((id) => path.includes(id)))
    .map((path) => `control group ${path}`);
}

/** The daemon's own parent in every hierarchy. */
function cgroupDirectories(traces: Traces): readonly string[] {
  const mount = '/sys/fs/cgroup';
  const hierarchies = [mount, ...entriesOf(mount).map(({ name }) => join(mount, name))];
  return hierarchies.map((path) => join(path, cgroupParent(traces))).filter((path) => existsSync(path));
}

/** Bundles, notices, FIFOs and whatever else is named after a container or exec. */
function unownedRunFiles(traces: Traces, owners: Owners): readonly string[] {
  const mounted = new Set(mountsBelow(traces.run).map(({ target }) => target));
  return filesBelow(traces.run, (path) => mounted.has(path) || isShared(path))
    .filter(({ path, isFifo }) => isFifo || ID.test(path))
    .filter(({ path }) => !owners.running.some((id) => path.includes(id)))
    .map(({ path, isFifo }) => `${isFifo ? 'FIFO' : 'run-time file'} ${path}`);
}

/** Layers, and crun's cache of compiled seccomp filters, belong to no container. */
function isShared(path: string): boolean {
  return path.endsWith('/run/layers') || path.endsWith('/.cache');
}

interface FoundFile {
  readonly path: string;
  readonly isFifo: boolean;
}

function filesBelow(directory: string, isSkipped: (path: string) => boolean): readonly FoundFile[] {
  return entriesOf(directory).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (isSkipped(path)) return [];
    return [{ path, isFifo: entry.isFIFO() }, ...(entry.isDirectory() ? filesBelow(path, isSkipped) : [])];
  });
}

function unownedRootFiles({ root }: Traces, owners: Owners): readonly string[] {
  const isUnknown = (name: string) => ID.test(name) && !owners.known.includes(ID.exec(name)?.[0] ?? '');
  const namesIn = (directory: string) => entriesOf(join(root, directory)).map(({ name }) => name);
  return [
    ...namesIn('containers')
      .filter(isUnknown)
      .map((name) => `container directory ${name}`),
    ...namesIn('snapshots')
      .filter(isUnknown)
      .map((name) => `snapshot ${name}`),
    ...namesIn('snapshots/.trash').map((name) => `snapshot ${name} in the trash`),
    ...namesIn('content/ingest').map((name) => `half-written blob ${name}`),
    // The engine knows all that it was making or deleting.
    ...namesIn('lost+found').flatMap((name) => (ID.test(name) ? [`set aside: ${name}`] : [])),
  ];
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** After a test, whatever the result: the host is as before. */
export function removeLeftovers(traces: Traces): void {
  for (const { pid } of processesOf(traces)) killIfThere(pid);
  for (const { target } of mountsBelow(traces.directory).toReversed()) spawnSync('umount', ['-l', target]);
  for (const name of [...cablesOf(traces), traces.bridge]) inNetns(traces, 'ip', ['link', 'delete', name]);
  inNetns(traces, 'nft', ['delete', 'table', 'inet', tableOf(traces)]);
  for (const path of cgroupDirectories(traces)) removeCgroup(path);
}

/** Control groups are removed like empty directories, from the innermost. */
function removeCgroup(path: string): void {
  for (const entry of entriesOf(path)) if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // A process of it is still ending.
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** The standard output of a command where the daemon's links and tables are; empty if it fails. */
function inNetns({ netns }: Traces, command: string, args: readonly string[]): string {
  const line = netns === undefined ? [command, ...args] : ['nsenter', `--net=${netns}`, command, ...args];
  return spawnSync(line[0] ?? '', line.slice(1), { encoding: 'utf8' }).stdout ?? '';
}
