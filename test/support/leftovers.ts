import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** How the daemon under test is recognised on the host. */
export interface Traces {
  readonly directory: string;
  readonly root: string;
  readonly run: string;
  readonly bridge: string;
}

/**
 * Mounts, processes, links in the bridge, nftables elements and files that should have gone with the containers.
 * Of a stopped daemon only its bridge, its table and its images may stay.
 */
export function findLeftovers(traces: Traces): readonly string[] {
  return [
    ...mountsBelow(traces.directory)
      .filter((target) => !target.startsWith(join(traces.run, 'layers')))
      .map((target) => `mount ${target}`),
    ...processesOf(traces.directory).map((line) => `process ${line}`),
    ...linksIn(traces.bridge).map((link) => `link ${link}`),
    ...entries(join(traces.root, 'containers')).map((name) => `container directory ${name}`),
    ...entries(join(traces.root, 'snapshots'))
      .filter((name) => !name.startsWith('.') && name !== 'trash')
      .map((name) => `snapshot ${name}`),
    ...entries(join(traces.run, 'containers')).map((name) => `run directory ${name}`),
    ...entries(join(traces.root, 'content/ingest')).map((name) => `half-written blob ${name}`),
  ];
}

export function mountsBelow(directory: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${directory}/`));
}

/** Monitors, runtimes and holders: their command line or working directory lies below `directory`. */
export function processesOf(directory: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && name !== String(process.pid),
  )) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const where = readlinkSync(`/proc/${pid}/cwd`);
      if (where.startsWith(`${directory}/`) || command.includes(`${directory}/run/containers`))
        found.push(`${pid} ${command}`);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Ports of the bridge that belong to a container's network; ready ones of the pool go with the daemon. */
export function linksIn(bridge: string): readonly string[] {
  const { stdout } = spawnSync('ip', ['-o', 'link', 'show', 'master', bridge], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(':')[1]?.trim() ?? line);
}

/** After a test, whatever the result: the host is as before. */
export function removeLeftovers(traces: Traces): void {
  for (const line of processesOf(traces.directory)) kill(Number.parseInt(line, 10));
  for (const target of mountsBelow(traces.directory).toReversed()) spawnSync('umount', ['-l', target]);
  spawnSync('ip', ['link', 'delete', traces.bridge]);
  for (const table of tablesNaming(traces.bridge)) spawnSync('nft', ['delete', 'table', 'inet', table]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

function tablesNaming(bridge: string): readonly string[] {
  const { stdout } = spawnSync('nft', ['list', 'tables', 'inet'], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/^table inet (caisson\S*)$/gm)].map((match) => match[1] ?? '');
  return names.filter((name) =>
    spawnSync('nft', ['list', 'table', 'inet', name], { encoding: 'utf8' }).stdout.includes(bridge),
  );
}

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
