import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { Nftables } from '#linux/nftables.ts';
import { PACKET_MARK } from './ruleset.ts';

/*
 * Docker, ufw and others make iptables drop whatever they do not know in its FORWARD chain, and an accept in our
 * table does not override that. So where such a chain exists, one rule there accepts packets that our table marked.
 * This is the only use of iptables, at the engine's start, and only on hosts that use it already.
 */

const run = promisify(execFile);

/** The program for one family, and how it is known whether the host uses it. */
interface Iptables {
  readonly program: 'iptables' | 'ip6tables';
  readonly legacyNames: string;
  readonly family: 'ip' | 'ip6';
}

const PROGRAMS: readonly Iptables[] = [
  { program: 'iptables', legacyNames: '/proc/thread-self/net/ip_tables_names', family: 'ip' },
  { program: 'ip6tables', legacyNames: '/proc/thread-self/net/ip6_tables_names', family: 'ip6' },
];

async function change({ program }: Iptables, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, ['-w', '10', ...args]);
  return stdout;
}

/** One engine's rule; the comment tells engines apart. */
function acceptRule(table: string): readonly string[] {
  const mark = `0x${PACKET_MARK.value.toString(16)}/0x${PACKET_MARK.mask.toString(16)}`;
  return ['-m', 'mark', '--mark', mark, '-m', 'comment', '--comment', `inet ${table}`, '-j', 'ACCEPT'];
}

/**
 * Makes iptables let our forwarded packets pass, if it would not.
 *
 * @returns whether it does so by their mark, which they need then
 */
export async function acceptInOtherFirewalls(table: string, logger: Logger): Promise<boolean> {
  const accepted = await Promise.all(PROGRAMS.map((iptables) => acceptIn(iptables, table, logger)));
  return accepted.includes(true);
}

async function acceptIn(iptables: Iptables, table: string, logger: Logger): Promise<boolean> {
  if (!isUsed(iptables)) return false;
  try {
    const chain = await droppingChain(iptables);
    if (chain === undefined) return false;
    const rule = acceptRule(table);
    await change(iptables, '-C', chain, ...rule).catch(() => change(iptables, '-I', chain, '1', ...rule));
    return true;
  } catch (error) {
    const { program } = iptables;
    logger.warn('cannot tell iptables to forward to containers', { program, error: messageOf(error) });
    return false;
  }
}

/** Takes the rules back. */
export async function removeFromOtherFirewalls(table: string): Promise<void> {
  for (const iptables of PROGRAMS.filter(isUsed)) {
    for (const chain of ['DOCKER-USER', 'FORWARD']) {
      await change(iptables, '-D', chain, ...acceptRule(table)).catch(() => undefined);
    }
  }
}

/** Where a rule of ours belongs: Docker keeps DOCKER-USER for others and never flushes it. */
async function droppingChain(iptables: Iptables): Promise<string | undefined> {
  const rules = await change(iptables, '-S', 'FORWARD');
  if (/^-A FORWARD -j DOCKER-USER$/m.test(rules)) return 'DOCKER-USER';
  return /^-P FORWARD DROP$/m.test(rules) ? 'FORWARD' : undefined;
}

/** Whether either of its implementations has a filter table here; asking iptables itself would create one. */
function isUsed(iptables: Iptables): boolean {
  return hasLegacyTable(iptables) || hasNftablesTable(iptables);
}

function hasLegacyTable({ legacyNames }: Iptables): boolean {
  try {
    return readFileSync(legacyNames, 'utf8').split('\n').includes('filter');
  } catch {
    // The kernel has no legacy iptables, or it was never used.
    return false;
  }
}

function hasNftablesTable({ family }: Iptables): boolean {
  using nftables = Nftables.open();
  return new RegExp(`^table ${family} filter$`, 'm').test(nftables.run(`list tables ${family}`));
}
