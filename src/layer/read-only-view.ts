import { mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { unmountAll } from '#linux/mount.ts';
import { mountOverlay } from '#linux/overlay-mount.ts';
import type { LayersView } from './layer.ts';

/** Temporary mounts have this prefix: what a crash leaves of them is found by it. */
export const VIEW_PREFIX = '.view-';

/** Directories, topmost first, and where a temporary mount may be made. */
export interface ViewSource {
  readonly stack: readonly string[];
  readonly viewDirectory: string;
}

/** Shows a stack of layers as the one tree that it is, with the kernel doing the merging. */
export function openReadOnlyView({ stack, viewDirectory }: ViewSource): LayersView {
  const [only] = stack;
  if (stack.length === 1 && only !== undefined) return { root: only, [Symbol.dispose]: () => undefined };
  using undo = new DisposableStack();
  const root = mkdtempSync(join(viewDirectory, VIEW_PREFIX));
  undo.defer(() => rmdirSync(root));
  mountOverlay({ target: root, lowers: stack, options: OVERLAY_OPTIONS });
  undo.defer(() => unmountAll(root));
  const kept = undo.move();
  return { root, [Symbol.dispose]: () => kept.dispose() };
}

/** @param work gets the root of the tree; it must be done with it when it returns */
export function withReadOnlyView<T>(source: ViewSource, work: (root: string) => T): T {
  using view = openReadOnlyView(source);
  return work(view.root);
}

/** What an archive or an administrator's defaults could otherwise turn on; without them a diff is what upper holds. */
export const OVERLAY_OPTIONS: Readonly<Record<string, string>> = {
  redirect_dir: 'nofollow',
  metacopy: 'off',
  index: 'off',
};
