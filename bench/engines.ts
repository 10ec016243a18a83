import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One way of driving one engine: a daemon (shared by several) and the command line in front of it. */
export interface Contender {
  readonly name: string;
  readonly kind: 'caisson' | 'docker' | 'podman';
  readonly command: readonly string[];
  readonly daemon?: Daemon;
}

export interface Daemon extends AsyncDisposable {
  /** The daemon and what it needs beside itself (containerd). */
  readonly pids: () => readonly number[];
}

const project = join(import.meta.dirname, '..');

/**
 * Starts every engine that is installed, below `directory`.
 *
 * @param against another checkout of this project, set up; it comes first, so that ratios are to it
 */
export async function startContenders(
  directory: string,
  names: readonly string[],
  against: string | undefined,
): Promise<readonly Contender[]> {
  mountRunDirectory(join(directory, 'run'));
  const contenders: Contender[] = [];
  if (against !== undefined) contenders.push(...(await startCheckout(against, 'before', directory)));
  const wants = (name: string) => names.length === 0 || names.includes(name);
  if (wants('docker') && has('dockerd')) {
    const socket = join(directory, 'docker.sock');
    const daemon = await startDocker(directory, socket);
    contenders.push({
      name: 'docker',
      kind: 'docker',
      command: ['docker', '-H', `unix://${socket}`],
      daemon,
    });
  }
  if (wants('podman') && has('podman')) {
    const storage = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'run/podman')];
    contenders.push({ name: 'podman', kind: 'podman', command: ['podman', ...storage] });
  }
  if (names.length > 0 && !names.some((name) => name.startsWith('caisson'))) return contenders;
  const ours = await startCheckout(project, 'caisson', directory);
  contenders.push(...ours.filter(({ name }) => !name.includes('docker') || wants('caisson-docker')));
  return contenders;
}

/** One engine of ours, by Docker's command line where there is one, and by its own. */
async function startCheckout(home: string, name: string, directory: string): Promise<readonly Contender[]> {
  const socket = join(directory, `${name}.sock`);
  const args = ['--root', join(directory, name), '--run', join(directory, 'run', name)];
  const daemon = await startDaemon(
    join(home, 'bin/caissond'),
    [...args, '--host', `unix://${socket}`],
    socket,
    directory,
  );
  const host = `unix://${socket}`;
  const compiled = join(home, 'build/caisson');
  const own = existsSync(compiled) ? compiled : join(home, 'bin/caisson');
  const byOwn: Contender = { name, kind: 'caisson', command: [own, '-H', host], daemon };
  if (!has('docker')) return [byOwn];
  return [{ ...byOwn, name: `${name} by docker`, command: ['docker', '-H', host] }, byOwn];
}

/**
 * Run-time state lies in memory on every system whose /run is a tmpfs; so here, for all engines, whatever this one's
 * is.
 */
export function mountRunDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', path]);
  if (status !== 0) throw new Error(`Cannot mount a tmpfs at ${path}`);
}

function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

async function startDocker(directory: string, socket: string): Promise<Daemon> {
  const args = ['--data-root', join(directory, 'docker'), '--exec-root', join(directory, 'run/docker')];
  const pidfile = join(directory, 'docker.pid');
  return startDaemon('dockerd', [...args, '--pidfile', pidfile, '-H', `unix://${socket}`], socket, directory);
}

async function startDaemon(
  command: string,
  args: readonly string[],
  socket: string,
  directory: string,
): Promise<Daemon> {
  mkdirSync(directory, { recursive: true });
  const logPath = `${socket}.log`;
  const log = openSync(logPath, 'w');
  const child = spawn(command, [...args], { stdio: ['ignore', log, log] });
  for (let waitedMs = 0; !existsSync(socket); waitedMs += 50) {
    if (child.exitCode !== null || waitedMs > 30_000) {
      throw new Error(`${command} did not start:\n${readFileSync(logPath, 'utf8').slice(-2000)}`);
    }
    await sleep(50);
  }
  return { pids: () => familyOf(child), [Symbol.asyncDispose]: () => stop(child) };
}

function familyOf(child: ChildProcess): readonly number[] {
  const pid = child.pid ?? 0;
  const children = spawnSync('pgrep', ['-P', String(pid), 'containerd'], { encoding: 'utf8' });
  return [pid, ...children.stdout.split('\n').filter(Boolean).map(Number)];
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([exited, sleep(15_000).then(() => child.kill('SIGKILL'))]);
}

/** Deletes what the engines left below `directory`. */
export function removeTree(directory: string): void {
  spawnSync('sh', [
    '-c',
    'grep " $1/" /proc/self/mounts | cut -d" " -f2 | sort -r | xargs -r -n1 umount -l',
    'sh',
    directory,
  ]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
