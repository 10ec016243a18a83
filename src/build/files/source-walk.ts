import { textOfBytes } from '#base/byte-text.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import type { IgnoreMatcher } from '#oci/ignore.ts';

/** How a tree is looked at. Names are bytes, one character each. */
export interface WalkedTree<Stats> {
  stat(path: ByteName): Stats | undefined;
  names(directory: ByteName): readonly ByteName[];
  isDirectory(stats: Stats): boolean;
}

export interface WalkedFile<Stats> {
  readonly path: ByteName;
  /** To the source; empty for the source itself. */
  readonly relative: ByteName;
  readonly stats: Stats;
}

/** The part of a source that is taken. */
export interface Choice {
  /** By path in the tree. */
  readonly ignored: IgnoreMatcher;
  readonly excluded: IgnoreMatcher;
  /** By path in the source: only what this matches, and the directories on the way to it. */
  readonly included?: Inclusion;
}

interface Inclusion {
  readonly matcher: IgnoreMatcher;
  /** Directories up to the first wildcard: what is neither on the way there nor below need not be looked at. */
  readonly prefix: string;
}

/**
 * The files of a source, each directory before what is in it. A directory that is not wanted itself comes only when
 * something in it is.
 */
export function* walkSource<Stats>(
  tree: WalkedTree<Stats>,
  source: ByteName,
  choice: Choice,
): Generator<WalkedFile<Stats>, void> {
  yield* new SourceWalk(tree, choice).at(source, '', []);
}

class SourceWalk<Stats> {
  readonly #tree: WalkedTree<Stats>;
  readonly #choice: Choice;
  readonly #isPlain: boolean;

  constructor(tree: WalkedTree<Stats>, choice: Choice) {
    this.#tree = tree;
    this.#choice = choice;
    this.#isPlain = choice.ignored.isEmpty && choice.excluded.isEmpty && !choice.included;
  }

  /** @param above directories on the way that have not come yet */
  *at(path: ByteName, relative: ByteName, above: WalkedFile<Stats>[]): Generator<WalkedFile<Stats>, void> {
    const stats = this.#tree.stat(path);
    if (stats === undefined) return;
    const isDirectory = this.#tree.isDirectory(stats);
    const isWanted = this.#wants(path, relative);
    if (!isDirectory && !isWanted) return;
    const file = { path, relative, stats };
    above.push(file);
    if (isWanted) yield* above.splice(0);
    if (isDirectory && this.#leads(path, relative))
      for (const name of this.#tree.names(path))
        yield* this.at(path === '/' ? `/${name}` : `${path}/${name}`, below(relative, name), above);
    if (above.at(-1) === file) above.pop();
  }

  #wants(path: ByteName, relative: ByteName): boolean {
    if (this.#isPlain) return true;
    const { ignored, excluded, included } = this.#choice;
    if (ignored.matches(textOf(path).slice(1))) return false;
    if (relative === '') return true;
    const text = textOf(relative);
    return !excluded.matches(text) && included?.matcher.matches(text) !== false;
  }

  #leads(path: ByteName, relative: ByteName): boolean {
    if (this.#isPlain) return true;
    const { ignored, excluded, included } = this.#choice;
    if (ignored.canSkip(textOf(path).slice(1))) return false;
    if (relative === '') return true;
    const text = textOf(relative);
    return !excluded.canSkip(text) && (!included || areOnOneWay(included.prefix, text));
  }
}

function below(directory: ByteName, name: ByteName): ByteName {
  return directory === '' ? name : `${directory}/${name}`;
}

function textOf(name: ByteName): string {
  return textOfBytes(Buffer.from(name, 'latin1'));
}

/** True if one of the two is at or above the other. */
function areOnOneWay(prefix: string, path: string): boolean {
  if (prefix === '' || prefix === path) return true;
  return prefix.startsWith(`${path}/`) || path.startsWith(`${prefix}/`);
}
