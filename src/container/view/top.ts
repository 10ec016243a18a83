import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProcessTable } from '../views.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { Container } from '../run/container.ts';

const run = promisify(execFile);
const DEFAULT_ARGUMENTS = '-ef';
const MAXIMUM_OUTPUT_BYTES = 16 << 20;

/**
 * The container's processes as the host's ps shows them.
 *
 * @throws {EngineError} `conflict` if it does not run, `invalid` for arguments without the pid, `internal` where ps
 * fails
 */
export async function topContainer(
  cgroups: ContainerCgroups,
  container: Container,
  psArguments: string,
): Promise<ProcessTable> {
  const args = psArguments === '' ? DEFAULT_ARGUMENTS : psArguments;
  checkArguments(args);
  if (!container.run) throw containerError('container-not-running', { subject: container.id });
  const pids = cgroups.cgroupOf(container).pids();
  const words = args.split(' ').filter(Boolean);
  const table = parsePs(await runPs([...words, `-q${pids.join(',')}`], words), new Set(pids));
  container.emit('top');
  return table;
}

/** A column that is called PID but is none would show other containers' processes. */
function checkArguments(args: string): void {
  for (const [, key = '', title = ''] of args.matchAll(/\s+(\S*)=\s*(PID\S*)/g)) {
    if (key !== 'pid') throw containerError('ps-column-refused', { subject: `${key}=${title}` });
  }
}

/** Runs ps, and `otherwise` if that fails: some options cannot be combined with a choice of pids. */
async function runPs(args: readonly string[], otherwise: readonly string[]): Promise<string> {
  const options = { maxBuffer: MAXIMUM_OUTPUT_BYTES };
  try {
    return (await run('ps', args, options)).stdout;
  } catch {
    try {
      return (await run('ps', otherwise, options)).stdout;
    } catch (cause) {
      const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause);
      throw containerError('ps-failed', { details: { problem: stderr.split('\n', 1)[0] ?? '' }, cause });
    }
  }
}

/**
 * The rows of `pids` in the output of ps; the last column takes all that is left of a line.
 *
 * @throws {EngineError} `invalid` if there is no column of pids
 */
function parsePs(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = output.split('\n');
  const titles = words(head);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw containerError('ps-without-pid');
  const rows: (readonly string[])[] = [];
  let ofOurs = false;
  for (const line of lines.filter(Boolean)) {
    const fields = words(line);
    // A thread's line has no pid and follows its process's.
    if (fields[pidColumn] !== '-') ofOurs = pids.has(Number(fields[pidColumn]));
    if (ofOurs) rows.push(joinOverhang(fields, titles.length));
  }
  return { titles, rows };
}

function joinOverhang(fields: readonly string[], columns: number): readonly string[] {
  return [...fields.slice(0, columns - 1), fields.slice(columns - 1).join(' ')];
}

function words(line: string): readonly string[] {
  return line.split(/[\t\n\f\r ]+/).filter(Boolean);
}
