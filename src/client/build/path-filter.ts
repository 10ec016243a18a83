import { lstatSync } from 'node:fs';
import { posix } from 'node:path';
import { linkTarget, namesIn, placeOfText } from '#base/byte-text.ts';
import { compileIgnorePattern } from '#oci/ignore-pattern.ts';

/** What of a tree is wanted: at and below some of its paths. */
export interface WantedPath {
  readonly all: boolean;
  /** Undefined: the child is not wanted, and nothing below it. */
  child(name: string): WantedPath | undefined;
}

const EVERYTHING: WantedPath = { all: true, child: () => EVERYTHING };

/** path_resolution(7) */
const MAXIMUM_LINKS = 40;
const WILDCARD = /[*?[\\]/;

interface Branch {
  all: boolean;
  readonly children: Map<string, Branch>;
}

/**
 * What the paths lead to in a directory: what they name, links on the way and what those point to inside of it. A path
 * may have wildcards. What does not exist is no error: the engine says what is missing.
 */
export function followPaths(root: string, paths: readonly string[]): WantedPath {
  if (paths.length === 0) return EVERYTHING;
  const tree: Branch = { all: false, children: new Map() };
  for (const path of paths) follow(root, tree, posix.join('/', path).split('/').filter(isName), 0);
  return wantedPath(tree);
}

function wantedPath(branch: Branch): WantedPath {
  if (branch.all) return EVERYTHING;
  return {
    all: false,
    child: (name) => {
      const child = branch.children.get(name);
      return child && wantedPath(child);
    },
  };
}

function isName(part: string): boolean {
  return part !== '' && part !== '.';
}

/** Adds what `names` lead to. */
function follow(root: string, tree: Branch, names: readonly string[], links: number): void {
  let branch = tree;
  for (const [index, name] of names.entries()) {
    const above = names.slice(0, index);
    const rest = names.slice(index + 1);
    if (name.includes('**')) break;
    if (WILDCARD.test(name)) {
      for (const found of namesLike(posix.join(root, ...above), name))
        follow(root, tree, [...above, found, ...rest], links);
      return;
    }
    const child = branch.children.get(name) ?? { all: false, children: new Map() };
    branch.children.set(name, child);
    branch = child;
    const target = linkAt(posix.join(root, ...above, name));
    if (target === undefined) continue;
    branch.all = true;
    if (links >= MAXIMUM_LINKS) return;
    const place = target.startsWith('/') ? target : posix.join('/', ...above, target);
    follow(root, tree, [...posix.normalize(place).split('/').filter(isName), ...rest], links + 1);
    return;
  }
  branch.all = true;
}

function namesLike(directory: string, pattern: string): readonly string[] {
  // What begins with `!` is no exception here.
  const { test } = compileIgnorePattern(pattern.startsWith('!') ? `\\${pattern}` : pattern);
  return namesThere(directory).filter((name) => test(name));
}

function namesThere(directory: string): readonly string[] {
  try {
    return namesIn(directory);
  } catch {
    return [];
  }
}

function linkAt(path: string): string | undefined {
  try {
    return lstatSync(placeOfText(path)).isSymbolicLink() ? linkTarget(path) : undefined;
  } catch {
    return undefined;
  }
}
