/** A container's changes as an OCI layer (image-spec layer.md): what upper holds, deletions as `.wh.` members. */
import { type ByteChannelEnd, ChannelWriter } from './byte-channel.ts';
import { type ChangesJob, statBelow } from './changes.ts';
import { withReadOnlyView } from './read-only-view.ts';
import { TarMembers } from './tar-members.ts';
import { childPath, isOpaque, isWhiteout, sortedNames, statOf } from './tree-walk.ts';

export type DiffJob = ChangesJob;

const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_MARKER = '.wh..wh..opq';

/** Equal uppers give equal bytes: members are sorted, each directory before what is in it. */
export function writeDiff({ upper, lower, ...end }: DiffJob & ByteChannelEnd): void {
  const members = new TarMembers(new ChannelWriter(end));
  withReadOnlyView(lower, (root) => new DiffWriter(members).below(Buffer.from(upper), Buffer.from(root), ''));
  members.finish();
}

class DiffWriter {
  readonly #members: TarMembers;

  constructor(members: TarMembers) {
    this.#members = members;
  }

  /** @param prefix of the names (latin1), ending in a slash but for the root's */
  below(upper: Buffer, lower: Buffer | undefined, prefix: string): void {
    for (const name of sortedNames(upper)) {
      this.#add(childPath(upper, name), lower && childPath(lower, name), prefix, name);
    }
  }

  #add(upper: Buffer, lower: Buffer | undefined, prefix: string, name: string): void {
    const stats = statOf(upper);
    if (!stats) return;
    const before = lower && statBelow(lower);
    if (isWhiteout(stats)) {
      if (before) this.#members.addEmptyFile(bytes(`${prefix}${WHITEOUT_PREFIX}${name}`));
      return;
    }
    this.#members.add(upper, stats, bytes(`${prefix}${name}`));
    if (!stats.isDirectory()) return;
    const isMerged = before?.isDirectory() === true;
    // Overlay marks most new directories opaque; it means something only where there is something to hide.
    if (isMerged && isOpaque(upper)) this.#members.addEmptyFile(bytes(`${prefix}${name}/${OPAQUE_MARKER}`));
    this.below(upper, isMerged ? lower : undefined, `${prefix}${name}/`);
  }
}

function bytes(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}
