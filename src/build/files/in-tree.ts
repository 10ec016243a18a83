import { inJail } from '#layer/jail.ts';
import { withReadOnlyView } from '#layer/read-only-view.ts';
import type { Tree } from './file-jobs.ts';

/** Runs `work` with the tree as its root directory; see `inJail`. */
export function inTree<T>(tree: Tree, work: () => T): T {
  if (typeof tree === 'string') return inJail(tree, work);
  return withReadOnlyView(tree, (root) => inJail(root, work));
}
