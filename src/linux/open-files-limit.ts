import { readFileSync } from 'node:fs';

/** How many descriptors a process may have (RLIMIT_NOFILE, getrlimit(2)). */
export interface OpenFilesLimit {
  readonly soft: number;
  readonly hard: number;
}

/** The limit of this process, whose soft limit Node has raised to the hard one at its start. */
export function readOpenFilesLimit(): OpenFilesLimit {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft = '', hard = ''] = /^Max open files +(\S+) +(\S+)/m.exec(limits) ?? [];
  return { soft: toNumber(soft), hard: toNumber(hard) };
}

function toNumber(limit: string): number {
  return limit === 'unlimited' ? Infinity : Number(limit);
}
