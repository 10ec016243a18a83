import { inJail } from '#layer/jail.ts';
import { withReadOnlyView } from '#layer/read-only-view.ts';
import type { Tree } from './file-jobs.ts';

/** Runs `work` with the tree as its root directory; see `inJail`. */
export function inTree<T>(tree: Tree, work: () => T): T {
  return withTree(tree, (root) => inJail(root, work));
}

/** @param work gets the directory that the tree is while it runs */
export function withTree<T>(tree: Tree, work: (root: string) => T): T {
  return typeof tree === 'string' ? work(tree) : withReadOnlyView(tree, work);
}
