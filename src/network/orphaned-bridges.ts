import { existsSync, readlinkSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { Nftables } from '#linux/nftables.ts';
import { type LinkInfo, RouteSocket } from '#linux/rtnetlink.ts';
import { deleteLink } from '#linux/rtnetlink-messages.ts';
import { removeFromOtherFirewalls } from './other-firewalls.ts';
import type { NetworksOptions } from './network.ts';

/** IFALIASZ (<linux/if.h>), without the zero at the end. */
const MAXIMUM_NOTE_BYTES = 255;

const NOTE = /^caisson (\S+) (\S+) (\/.*)$/s;

type Owner = Pick<NetworksOptions, 'tableName' | 'runDirectory'>;

/**
 * What an engine writes on the bridges that it makes: whose they are. Empty where it does not fit; such a bridge is
 * never an orphan.
 */
export function ownerNote({ tableName, runDirectory }: Owner): string {
  const note = `caisson ${tableName} ${mountNamespace()} ${runDirectory}`;
  return Buffer.byteLength(note) > MAXIMUM_NOTE_BYTES ? '' : note;
}

/** Whether an engine, this one or another, has written it. */
export function isOwnerNote(alias: string | undefined): boolean {
  return alias !== undefined && NOTE.test(alias);
}

/**
 * Removes the bridges, and the firewall's tables, of engines that are gone: their run-time directory has been removed,
 * and nothing is on their bridges. Otherwise each would keep a subnet for ever. An engine that has only been stopped
 * keeps its directory, and that of an engine in another mount namespace cannot be seen from here: those stay.
 */
export function removeOrphanedBridges(logger: Logger): void {
  using route = RouteSocket.open();
  const tables = new Set<string>();
  for (const { name, tableName, runDirectory } of findOrphans(route.listLinks())) {
    route.request(deleteLink(name));
    tables.add(tableName);
    logger.info('removed the bridge of an engine that is gone', { bridge: name, run: runDirectory });
  }
  for (const table of tables) {
    try {
      removeTable(table);
    } catch (error) {
      logger.warn('cannot remove the firewall table of an engine that is gone', {
        table,
        error: messageOf(error),
      });
    }
  }
}

/**
 * Removes the bridges, what is on them, and the firewall's table of an engine that is gone for good.
 *
 * @returns what was removed
 */
export async function removeNetworksOf({ tableName, runDirectory }: Owner): Promise<readonly string[]> {
  using route = RouteSocket.open();
  const links = route.listLinks();
  const bridges = notedBridges(links).filter((bridge) => bridge.runDirectory === runDirectory);
  for (const { index, name } of bridges) {
    route.request(
      ...links.filter(({ masterIndex }) => masterIndex === index).map(({ name: port }) => deleteLink(port)),
      deleteLink(name),
    );
  }
  const hasTable = Nftables.runOnce('list tables inet').split('\n').includes(`table inet ${tableName}`);
  if (hasTable) removeTable(tableName);
  await removeFromOtherFirewalls(tableName);
  const table = hasTable ? [`firewall table inet ${tableName}`] : [];
  return [...bridges.map(({ name }) => `bridge ${name}`), ...table];
}

/** One that is not there is fine. */
function removeTable(table: string): void {
  Nftables.runOnce(`table inet ${table} {\n}\ndelete table inet ${table}\n`);
}

interface NotedBridge extends Owner {
  readonly name: string;
  readonly index: number;
  readonly isInUse: boolean;
}

/** An engine with a bridge that is in use keeps the others too, and its table. */
function findOrphans(links: readonly LinkInfo[]): readonly NotedBridge[] {
  const bridges = notedBridges(links);
  const inUse = new Set(bridges.filter(({ isInUse }) => isInUse).map(({ runDirectory }) => runDirectory));
  return bridges.filter(({ runDirectory }) => !inUse.has(runDirectory) && !existsSync(runDirectory));
}

function notedBridges(links: readonly LinkInfo[]): readonly NotedBridge[] {
  const masters = new Set(links.map(({ masterIndex }) => masterIndex));
  const here = mountNamespace();
  return links.flatMap(({ name, index, kind, alias = '' }) => {
    const [, tableName, namespace, runDirectory] = NOTE.exec(alias) ?? [];
    if (kind !== 'bridge' || tableName === undefined || runDirectory === undefined) return [];
    return namespace === here ? [{ name, index, tableName, runDirectory, isInUse: masters.has(index) }] : [];
  });
}

function mountNamespace(): string {
  return readlinkSync('/proc/self/ns/mnt');
}
