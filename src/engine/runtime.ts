import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineError } from './engine-errors.ts';

/** The OCI runtime that starts containers. */
export interface OciRuntime {
  readonly name: 'crun' | 'runc';
  readonly path: string;
  /** The version that the runtime reports; empty where it reports none. */
  readonly version: string;
}

const PATHS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const run = promisify(execFile);

/**
 * The runtime that was asked for. Where any will do, the one that the machine's cgroups allow; in place of crun, which
 * is faster, also runc, which can run wherever crun can.
 *
 * @throws {EngineError} `runtime-not-installed`
 */
export async function findRuntime(
  asked: 'auto' | OciRuntime['name'],
  possible: OciRuntime['name'],
  directories: readonly string[] = PATHS,
): Promise<OciRuntime> {
  const names = asked === 'auto' ? ([possible, 'runc'] as const) : [asked];
  for (const name of names) {
    const path = pathOf(name, directories);
    if (path !== undefined) return { name, path, version: await versionOf(path) };
  }
  throw engineError('runtime-not-installed', { subject: names[0] });
}

/** The one of the two that is not the default, if it is installed and could run as well. */
export function findOtherRuntime(
  chosen: OciRuntime['name'],
  possible: OciRuntime['name'],
  directories: readonly string[] = PATHS,
): Omit<OciRuntime, 'version'> | undefined {
  const name = chosen === 'crun' ? 'runc' : 'crun';
  if (name === 'crun' && possible === 'runc') return undefined;
  const path = pathOf(name, directories);
  return path === undefined ? undefined : { name, path };
}

function pathOf(name: OciRuntime['name'], directories: readonly string[]): string | undefined {
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

async function versionOf(path: string): Promise<string> {
  try {
    const { stdout } = await run(path, ['--version']);
    return /version (\S+)/.exec(stdout)?.[1] ?? '';
  } catch {
    return '';
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
