import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { ExitError } from './usage-error.ts';

/** One side of a copy: what is at a path, and how the path is written. */
export interface CopyEnd {
  /** A trailing `/` or `/.` is kept: it says that a directory is meant, or its contents. */
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
  /** The name that a followed link gives to what it led to. */
  readonly rebaseName?: string;
}

/** The directory to unpack in, and the name there of what is copied. */
export interface CopyPlan {
  readonly directory: string;
  readonly name: string;
}

/** `CONTAINER:PATH` taken apart; a local path has no container. */
export function splitCopyOperand(operand: string): { readonly container?: string; readonly path: string } {
  const colon = operand.indexOf(':');
  if (operand.startsWith('/') || operand.startsWith('.') || colon < 0) return { path: operand };
  return { container: operand.slice(0, colon), path: operand.slice(colon + 1) };
}

/** The name that the end of a path is archived under: `.` where it says "the contents of". */
export function archiveName(path: string): string {
  return saysContents(path) ? '.' : basename(normalize(path));
}

/**
 * Where a copy lands, by cp's rules as Docker has them.
 *
 * @throws {ExitError} if the ends do not go together
 */
export function planCopy(source: CopyEnd, destination: CopyEnd): CopyPlan {
  const own = source.rebaseName ?? archiveName(source.path);
  if (destination.exists && destination.isDirectory) return { directory: destination.path, name: own };
  if (destination.exists && source.isDirectory) throw new ExitError(1, 'cannot copy directory');
  if (!destination.exists && !source.isDirectory && saysDirectory(destination.path)) {
    throw new ExitError(1, 'no such directory');
  }
  const clean = normalize(destination.path).replace(/(.)\/$/, '$1');
  return { directory: dirname(clean), name: basename(clean) };
}

/** What is at a local path that is to be copied. @throws {ExitError} if there is nothing */
export function localSource(operand: string, followLink: boolean): CopyEnd {
  const path = absolute(operand);
  const stat = lstatSync(path.replace(/(.)\/$/, '$1'), { throwIfNoEntry: false });
  if (!stat) throw new ExitError(1, `lstat ${path}: no such file or directory`);
  if (!stat.isSymbolicLink() || !(followLink || saysDirectory(path))) {
    if (!stat.isDirectory() && saysDirectory(path)) throw new ExitError(1, 'not a directory');
    return { path, exists: true, isDirectory: stat.isDirectory() };
  }
  const target = realpathSync(path);
  const isDirectory = lstatSync(target).isDirectory();
  const rebase = saysContents(path) ? {} : { rebaseName: basename(normalize(path)) };
  return { path: saysContents(path) ? `${target}/.` : target, exists: true, isDirectory, ...rebase };
}

/** What is at a local path that is copied to, links followed. */
export function localDestination(operand: string): CopyEnd {
  let path = absolute(operand);
  for (let links = 0; links < 40; links++) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return { path, exists: false, isDirectory: false };
    if (!stat.isSymbolicLink()) return { path, exists: true, isDirectory: stat.isDirectory() };
    path = resolve(dirname(path), readlinkSync(path));
  }
  throw new ExitError(1, `too many links in ${operand}`);
}

function absolute(operand: string): string {
  const path = resolve(operand);
  if (saysContents(operand) && path !== '/') return `${path}/.`;
  return operand.endsWith('/') && path !== '/' ? `${path}/` : path;
}

function saysContents(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

function saysDirectory(path: string): boolean {
  return path.endsWith('/') || saysContents(path);
}

/** A link's target as seen from where the link is. */
export function resolveLink(link: string, target: string): string {
  return target.startsWith('/') ? target : join(dirname(link), target);
}
