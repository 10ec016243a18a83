import { shortId } from '#base/ids.ts';
import type { NameTable } from './name-table.ts';
import type { NetworkCarrier, NetworkDriver } from './network-driver.ts';
import type { Endpoint, NetworkRecord, SandboxRequest } from './network.ts';

/** A network that this engine carries. */
export interface OpenNetwork {
  readonly record: NetworkRecord;
  readonly driver: NetworkDriver;
  readonly carrier: NetworkCarrier;
  /** The names of the sandboxes that are on it. */
  readonly names: NameTable;
  /** Why nothing can be on it. */
  readonly problem?: string;
}

/**
 * Everything that others on the network may call a sandbox, without repetitions. On networks of the engine's own
 * these are the container's name and short id alone: host names and aliases could stand for names of the public DNS
 * there, for containers that never asked for it.
 */
export function namesOn(
  { isBuiltIn }: NetworkRecord,
  { id, name, hostname, domainname }: SandboxRequest,
  { attachment }: Endpoint,
): readonly string[] {
  const own = [name, shortId(id)];
  const full = domainname === '' ? [] : [`${hostname}.${domainname}`];
  const all = isBuiltIn ? own : [...own, ...attachment.aliases, hostname, ...full];
  return [...new Set(all.filter((text) => text !== ''))];
}
