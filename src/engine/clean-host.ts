/** Takes off the host what an engine leaves there that is gone for good: the next engine would take it over. */
import { existsSync, readdirSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readCgroupLayout } from '#linux/cgroup-layout.ts';
import { cgroupTree, removeCgroupTree } from '#linux/cgroup-removal.ts';
import { unmount } from '#linux/mount.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { isAlive, signalIfAlive, watchExit } from '#linux/process.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import { removeNetworksOf } from '#network/orphaned-bridges.ts';
import { hostNames, RUN_NETWORKS, RUN_PARTS } from './directories.ts';
import { engineError } from './engine-errors.ts';
import { holdAbandonedRun, LOCK_FILES } from './run-lock.ts';

export interface CleanHostOptions {
  readonly run: string;
  /** Whether containers that still run are killed. */
  readonly kill: boolean;
}

const SIGKILL = 9;

/**
 * Data below the engine's root stays.
 *
 * @returns what was removed, a line each
 * @throws {EngineError} `no-run-directory`, `run-directory-held`, or `containers-run-on` if not told to kill them
 */
export async function cleanHost(options: CleanHostOptions): Promise<readonly string[]> {
  const run = resolve(options.run);
  const { table } = hostNames({ root: '', run });
  // After a restart of the machine there is none any more.
  using _held = existsSync(run) ? holdAbandonedRun(run) : undefined;
  const running = processesIn(table);
  if (running.length > 0 && !options.kill) {
    throw engineError('containers-run-on', { subject: run, details: { processes: running.length } });
  }
  for (let pids = running; pids.length > 0; pids = processesIn(table)) {
    thaw(table);
    await Promise.all(pids.map(killed));
  }
  await Promise.all(monitorsOf(run).map(killed));
  const networks = await removeNetworksOf({ tableName: table, runDirectory: join(run, RUN_NETWORKS) });
  const mounts = removeRun(run);
  const cgroups = groupsOf(table);
  removeCgroupTree(cgroups);
  return [
    ...(running.length > 0 ? [`${running.length} processes of containers`] : []),
    ...networks,
    ...(mounts > 0 ? [`${mounts} mounts and namespaces below ${run}`] : []),
    ...(cgroups.length > 0 ? [`control group /${table}`] : []),
  ];
}

/** Removes what engines keep there, after what is mounted on it; what others put there stays. @returns how many mounts */
function removeRun(run: string): number {
  if (!existsSync(run)) return 0;
  const parts = RUN_PARTS.map((name) => join(run, name));
  const isOurs = (target: string) => parts.some((path) => target.startsWith(`${path}/`));
  const mounts = listMounts().filter(({ target }) => isOurs(target));
  for (const { target } of mounts.toReversed()) unmount(target, { lazy: true });
  for (const path of parts) rmSync(path, { recursive: true, force: true });
  for (const entry of readdirSync(run, { withFileTypes: true })) {
    if (entry.isSocket()) rmSync(join(run, entry.name));
  }
  for (const name of LOCK_FILES) rmSync(join(run, name), { force: true });
  if (readdirSync(run).length === 0) rmdirSync(run);
  return mounts.length;
}

function groupsOf(table: string): readonly string[] {
  return cgroupTree(readCgroupLayout(), `/${table}`);
}

function processesIn(table: string): readonly number[] {
  const text = groupsOf(table).map((path) => readIfThere(join(path, 'cgroup.procs')) ?? '');
  const pids = new Set(text.join('').split('\n').filter(Boolean).map(Number));
  return [...pids].filter((pid) => isAlive(pid));
}

/** What version 1 has frozen does not even end when it is killed. */
function thaw(table: string): void {
  for (const path of groupsOf(table)) {
    const state = join(path, 'freezer.state');
    if (existsSync(state)) writeFileSync(state, 'THAWED');
  }
}

/** They have written down how their container ended, and wait for an engine that reads it. */
function monitorsOf(run: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => workingDirectory(pid).startsWith(`${run}/containers/`)).map(Number);
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended.
    return '';
  }
}

async function killed(pid: number): Promise<void> {
  using watch = watchExit(pid);
  signalIfAlive(pid, SIGKILL);
  await watch.exited;
}
