/** Several layers as one. */
import { type ByteChannelEnd, ChannelWriter } from '#layer/byte-channel.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import { TarMembers } from '#layer/tar-members.ts';
import { childPath, isWhiteout, sortedNames, statOf } from '#layer/tree-walk.ts';
import type { SquashJob } from './file-jobs.ts';
import { withTree } from './in-tree.ts';

const WHITEOUT_PREFIX = '.wh.';

/** Writes what the layers have together, and deletions of what they hide below. */
export function writeSquashedLayer({ above, below, whole, ...end }: SquashJob & ByteChannelEnd): void {
  const members = new TarMembers(new ChannelWriter(end));
  withTree(above, (aboveRoot) =>
    withTree(whole, (wholeRoot) =>
      withTree(below, (belowRoot) =>
        new Squasher(members).directory(
          { above: Buffer.from(aboveRoot), whole: Buffer.from(wholeRoot), below: Buffer.from(belowRoot) },
          '',
        ),
      ),
    ),
  );
  members.finish();
}

/** A directory in each view; absent below where it does not exist. */
interface Directories {
  readonly above: Buffer;
  readonly whole: Buffer;
  readonly below?: Buffer;
}

class Squasher {
  readonly #members: TarMembers;

  constructor(members: TarMembers) {
    this.#members = members;
  }

  /** @param prefix of names, ending in a slash but for the root's */
  directory({ above, whole, below }: Directories, prefix: ByteName): void {
    for (const name of sortedNames(above)) {
      const path = childPath(above, name);
      const stats = statOf(path);
      // The lowest of several layers still has marks of deletions.
      if (!stats || isWhiteout(stats)) continue;
      this.#members.add(path, stats, Buffer.from(`${prefix}${name}`, 'latin1'));
      if (!stats.isDirectory()) continue;
      const under = below && childPath(below, name);
      const isMerged = under !== undefined && statOf(under)?.isDirectory() === true;
      const next = { above: path, whole: childPath(whole, name), ...(isMerged && { below: under }) };
      this.directory(next, `${prefix}${name}/`);
    }
    if (below) this.#deletions(whole, below, prefix);
  }

  #deletions(whole: Buffer, below: Buffer, prefix: ByteName): void {
    const kept = new Set(sortedNames(whole));
    for (const name of sortedNames(below))
      if (!kept.has(name))
        this.#members.addEmptyFile(Buffer.from(`${prefix}${WHITEOUT_PREFIX}${name}`, 'latin1'));
  }
}
