/** What a container changed: its upper directory against the layers below (the meaning of `docker diff`). */
import type { BigIntStats } from 'node:fs';
import type { FilesystemChange } from './layer.ts';
import { type ViewSource, withReadOnlyView } from './read-only-view.ts';
import { childPath, isOpaque, isWhiteout, sortedNames, statOf } from './tree-walk.ts';

export interface ChangesJob {
  readonly upper: string;
  readonly lower: ViewSource;
}

/** All changes, a directory before what is in it, names in byte order. Deleted directories stand for their content. */
export function findChanges({ upper, lower }: ChangesJob): readonly FilesystemChange[] {
  return withReadOnlyView(lower, (root) => changesBelow(Buffer.from(upper), Buffer.from(root), ''));
}

function changesBelow(upper: Buffer, lower: Buffer | undefined, path: string): FilesystemChange[] {
  const names = sortedNames(upper);
  const hidden = lower && isOpaque(upper) ? hiddenNames(lower, new Set(names)) : [];
  const all = hidden.length === 0 ? names : [...names, ...hidden].toSorted();
  const gone = new Set(hidden);
  return all.flatMap((name) => {
    const childName = `${path}/${Buffer.from(name, 'latin1').toString()}`;
    if (gone.has(name)) return [{ kind: 'deleted', path: childName }];
    return changeOf(childPath(upper, name), lower && childPath(lower, name), childName);
  });
}

/** What lower has in a directory that an opaque one replaced. */
function hiddenNames(lower: Buffer, present: ReadonlySet<string>): string[] {
  return sortedNames(lower).filter((name) => !present.has(name));
}

function changeOf(upper: Buffer, lower: Buffer | undefined, path: string): FilesystemChange[] {
  const stats = statOf(upper);
  if (!stats) return [];
  const before = lower && statBelow(lower);
  if (isWhiteout(stats)) return before ? [{ kind: 'deleted', path }] : [];
  if (!stats.isDirectory()) return [{ kind: before ? 'modified' : 'added', path }];
  const inside = changesBelow(upper, before?.isDirectory() ? lower : undefined, path);
  if (!before) return [{ kind: 'added', path }, ...inside];
  const isSame = inside.length === 0 && before.isDirectory() && hasSameAttributes(stats, before);
  return isSame ? [] : [{ kind: 'modified', path }, ...inside];
}

/** A whiteout in a lone lower layer hides nothing, and is nothing. */
export function statBelow(path: Buffer): BigIntStats | undefined {
  const stats = statOf(path);
  return stats && isWhiteout(stats) ? undefined : stats;
}

function hasSameAttributes(one: BigIntStats, other: BigIntStats): boolean {
  const { mode, uid, gid, mtimeNs } = one;
  return mode === other.mode && uid === other.uid && gid === other.gid && mtimeNs === other.mtimeNs;
}
