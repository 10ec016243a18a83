/** A container's changes as an OCI layer (image-spec layer.md): what upper holds, deletions as `.wh.` members. */
import type { BlobInfo } from '#store/content.ts';
import { type ChangesJob, statBelow } from './changes.ts';
import { FileSink } from './file-sink.ts';
import { withReadOnlyView } from './read-only-view.ts';
import { TarMembers } from './tar-members.ts';
import { childPath, isOpaque, isWhiteout, sortedNames, statOf } from './tree-walk.ts';

export interface DiffJob extends ChangesJob {
  /** Of an empty file, which the layer is written into. */
  readonly path: string;
}

const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_MARKER = '.wh..wh..opq';

/** Equal uppers give equal bytes: members are sorted, each directory before what is in it. */
export function writeDiff({ upper, lower, path }: DiffJob, aborted: Int32Array): BlobInfo {
  using sink = new FileSink(path, aborted);
  const members = new TarMembers(sink);
  withReadOnlyView(lower, (root) => new DiffWriter(members).below(Buffer.from(upper), Buffer.from(root), ''));
  members.finish();
  return sink.finish();
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
