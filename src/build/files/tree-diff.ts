/** What leads from one tree to another, as a layer: BuildKit's DiffOp, where one tree does not stand on the other. */
import type { BigIntStats } from 'node:fs';
import { type ByteChannelEnd, ChannelWriter } from '#layer/byte-channel.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import { TarMembers } from '#layer/tar-members.ts';
import { childPath, isWhiteout, sortedNames, statOf, storableXattrs } from '#layer/tree-walk.ts';
import type { DiffJob } from './file-jobs.ts';
import { withTree } from './in-tree.ts';
import { haveSameContents } from './same-contents.ts';

const WHITEOUT_PREFIX = '.wh.';

/** Directories that are the same come only where something in them is not. */
export function writeTreeDiff({ lower, upper, ...end }: DiffJob & ByteChannelEnd): void {
  const members = new TarMembers(new ChannelWriter(end));
  withTree(lower, (lowerRoot) =>
    withTree(upper, (upperRoot) =>
      new TreeDiff(members).directory(Buffer.from(lowerRoot), Buffer.from(upperRoot), '', () => undefined),
    ),
  );
  members.finish();
}

class TreeDiff {
  readonly #members: TarMembers;

  constructor(members: TarMembers) {
    this.#members = members;
  }

  /**
   * @param lower undefined: nothing of it is there
   * @param prefix of names, ending in a slash but for the root's
   * @param announce writes the directory itself, before the first that is in it
   */
  directory(lower: Buffer | undefined, upper: Buffer, prefix: ByteName, announce: () => void): void {
    const kept = namesIn(upper);
    for (const name of kept)
      this.#entry(lower && childPath(lower, name), childPath(upper, name), `${prefix}${name}`, announce);
    if (!lower) return;
    const there = new Set(kept);
    for (const name of namesIn(lower)) {
      if (there.has(name)) continue;
      announce();
      this.#members.addEmptyFile(bytes(`${prefix}${WHITEOUT_PREFIX}${name}`));
    }
  }

  #entry(lower: Buffer | undefined, upper: Buffer, path: ByteName, announce: () => void): void {
    const stats = statOf(upper);
    if (!stats) return;
    const before = lower && statOf(lower);
    const isSame = lower !== undefined && before !== undefined && areSame([lower, before], [upper, stats]);
    let isWritten = false;
    const write = () => {
      if (isWritten) return;
      isWritten = true;
      announce();
      this.#members.add(upper, stats, bytes(path));
    };
    if (!isSame) write();
    if (!stats.isDirectory()) return;
    const isMerged = before?.isDirectory() === true;
    this.directory(isMerged ? lower : undefined, upper, `${path}/`, write);
  }
}

/** The lowest of several layers still has marks of deletions. */
function namesIn(directory: Buffer): readonly ByteName[] {
  return sortedNames(directory).filter((name) => {
    const stats = statOf(childPath(directory, name));
    return stats !== undefined && !isWhiteout(stats);
  });
}

type Placed = readonly [path: Buffer, stats: BigIntStats];

/** Times of directories say nothing. */
function areSame([lower, before]: Placed, [upper, after]: Placed): boolean {
  const areAlike =
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.rdev === after.rdev &&
    haveSameXattrs(lower, upper);
  if (!areAlike || after.isDirectory()) return areAlike;
  if (before.mtimeNs !== after.mtimeNs || before.size !== after.size) return false;
  return haveSameContents([lower, before], [upper, after]);
}

function haveSameXattrs(lower: Buffer, upper: Buffer): boolean {
  const [before, after] = [storableXattrs(lower), storableXattrs(upper)];
  if (before.size !== after.size) return false;
  return [...after].every(([name, value]) => before.get(name)?.equals(value) === true);
}

function bytes(name: ByteName): Buffer {
  return Buffer.from(name, 'latin1');
}
