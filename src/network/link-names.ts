import type { NetworkAttachment } from './attachment.ts';
import type { NameTable } from './name-table.ts';

/** What the resolver asks of the names on a network. */
export type NetworkNames = Pick<NameTable, 'addressesOf' | 'nameOf'>;

/** The names on a network with those that one container alone has for others there. */
export function withLinks(names: NameTable, { links }: NetworkAttachment): NetworkNames {
  if (!links) return names;
  const targets = new Map(Object.entries(links).map(([alias, name]) => [alias.toLowerCase(), name]));
  return {
    addressesOf: (name) => names.addressesOf(targets.get(name.toLowerCase()) ?? name),
    nameOf: (address) => names.nameOf(address),
  };
}
