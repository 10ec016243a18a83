import { type BigIntStats, lstatSync } from 'node:fs';
import { bytesOfText } from '#base/byte-text.ts';
import { type ByteChannelEnd, ChannelWriter } from './byte-channel.ts';
import { inJail } from './jail.ts';
import type { RootView } from './layer.ts';
import { type ViewSource, withReadOnlyView } from './read-only-view.ts';
import { TarMembers } from './tar-members.ts';
import { childPath, sortedNames, statOf } from './tree-walk.ts';

export interface PackJob {
  /** The tree: a container's root, or layers that are shown as one for the time of the job. */
  readonly root: string | RootView | ViewSource;
  /** What to pack, absolute inside the root; links in it are followed inside the root, one at its end is not. */
  readonly path: string;
  /** The member's name, and the first part of its content's; undefined leaves both out. */
  readonly name?: string;
}

/** Writes a path with all that is below it as a tar. */
export function packTree({ root, path, name, ...end }: PackJob & ByteChannelEnd): void {
  const members = new TarMembers(new ChannelWriter(end));
  const pack = (tree: string | RootView) =>
    inJail(tree, () => {
      const source = bytesOfText(path);
      const stats = lstatSync(source, { bigint: true });
      if (name !== undefined) members.add(source, stats, bytesOfText(name));
      addContent(
        members,
        source,
        stats,
        name === undefined ? '' : `${bytesOfText(name).toString('latin1')}/`,
      );
    });
  if (typeof root === 'string' || 'mounts' in root) pack(root);
  else withReadOnlyView(root, pack);
  members.finish();
}

/** @param prefix of the names (latin1) */
function addContent(members: TarMembers, path: Buffer, stats: BigIntStats, prefix: string): void {
  if (!stats.isDirectory()) return;
  for (const name of sortedNames(path)) {
    const child = childPath(path, name);
    const childStats = statOf(child);
    if (!childStats) continue;
    members.add(child, childStats, Buffer.from(`${prefix}${name}`, 'latin1'));
    addContent(members, child, childStats, `${prefix}${name}/`);
  }
}
