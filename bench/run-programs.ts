import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, libc } from '../src/linux/libc.ts';
import { decodeWaitStatus } from '../src/linux/process.ts';
import { spawnProcess } from '../src/linux/spawn.ts';
import { DOCKER_CONFIG } from '../test/support/docker-config.ts';

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SEARCHED = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];

const environment = Object.entries({
  PATH: SEARCHED.join(':'),
  HOME: process.env['HOME'] ?? '/root',
  PODMAN_IGNORE_CGROUPSV1_WARNING: '1',
  DOCKER_CLI_HINTS: 'false',
  DOCKER_CONFIG,
}).map(([name, value]) => `${name}=${value}`);

/**
 * Runs programs at once and waits for all, holding this thread. Started by posix_spawn and awaited by waitpid(2):
 * Node's own spawn costs as much as some of what is measured.
 */
export function runPrograms(
  commands: readonly (readonly string[])[],
  options: { readonly discard?: boolean } = {},
): readonly Finished[] {
  const started = commands.map((command, index) => start(command, index, options.discard === true));
  return started.map(finish);
}

interface Started {
  readonly pid: number;
  readonly stdout: string | undefined;
  readonly stderr: string;
}

function start(command: readonly string[], index: number, discard: boolean): Started {
  const name = join(tmpdir(), `caisson-bench-${process.pid}-${index}`);
  const stdio = [
    openSync('/dev/null', 'r'),
    openSync(discard ? '/dev/null' : `${name}.out`, 'w'),
    openSync(`${name}.err`, 'w'),
  ];
  const pid = spawnProcess({ path: pathOf(command[0] ?? ''), args: command, env: environment, stdio });
  for (const fd of stdio) closeSync(fd);
  return { pid, stdout: discard ? undefined : `${name}.out`, stderr: `${name}.err` };
}

function finish({ pid, stdout, stderr }: Started): Finished {
  const status = Buffer.alloc(4);
  check('waitpid', `process ${pid}`, libc.waitpid(pid, status, 0));
  return {
    exitCode: decodeWaitStatus(status.readInt32LE(0)).code,
    stdout: stdout ? take(stdout) : '',
    stderr: take(stderr),
  };
}

function take(path: string): string {
  const text = readFileSync(path, 'utf8');
  unlinkSync(path);
  return text;
}

const known = new Map<string, string>();

function pathOf(program: string): string {
  if (program.includes('/')) return program;
  const path = known.get(program) ?? SEARCHED.map((directory) => join(directory, program)).find(isThere);
  if (path === undefined) throw new Error(`${program} is not installed`);
  known.set(program, path);
  return path;
}

function isThere(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
