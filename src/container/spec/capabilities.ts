import { readFileSync } from 'node:fs';
import { containerError } from '../container-errors.ts';

/** What a container has unless told otherwise: Docker's set, in Docker's order. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** All names in the order of their numbers (<linux/capability.h>). */
const NAMES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** What may be given to a container: what both the kernel and we hold (an engine in a container holds less). */
let grantable: readonly string[] | undefined;

export function allCapabilities(): readonly string[] {
  return (grantable ??= readGrantable());
}

function readGrantable(): readonly string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const bounding = BigInt(`0x${mask}`);
  return NAMES.filter((_, number) => ((bounding >> BigInt(number)) & 1n) === 1n);
}

/** What is made of the default set. */
export interface CapabilityRequest {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}

/**
 * The set of a container. `ALL` among the additions is everything but the drops; `ALL` among the drops is nothing
 * but the additions.
 *
 * @throws {EngineError} `capability-unknown`, `capability-not-grantable`
 */
export function resolveCapabilities(request: CapabilityRequest): readonly string[] {
  const add = request.add.map((name) => normalize(name, 'add'));
  const drop = new Set(request.drop.map((name) => normalize(name, 'drop')));
  if (request.privileged) return allCapabilities();
  if (add.includes('ALL')) return allCapabilities().filter((name) => !drop.has(name));
  if (drop.has('ALL')) return add;
  const kept = DEFAULT_CAPABILITIES.filter((name) => !drop.has(name));
  return [...new Set([...kept, ...add])];
}

function normalize(name: string, list: 'add' | 'drop'): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (NAMES.includes(full)) {
    if (list === 'drop' || allCapabilities().includes(full)) return full;
    throw containerError('capability-not-grantable', { subject: full });
  }
  throw containerError('capability-unknown', { subject: full, details: { list } });
}
