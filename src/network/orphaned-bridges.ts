import { existsSync, readlinkSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { Nftables } from '#linux/nftables.ts';
import { type LinkInfo, RouteSocket } from '#linux/rtnetlink.ts';
import { deleteLink } from '#linux/rtnetlink-messages.ts';
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
      Nftables.runOnce(`table inet ${table} {\n}\ndelete table inet ${table}\n`);
    } catch (error) {
      logger.warn('cannot remove the firewall table of an engine that is gone', {
        table,
        error: messageOf(error),
      });
    }
  }
}

interface NotedBridge extends Owner {
  readonly name: string;
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
    return namespace === here ? [{ name, tableName, runDirectory, isInUse: masters.has(index) }] : [];
  });
}

function mountNamespace(): string {
  return readlinkSync('/proc/self/ns/mnt');
}
