/** What is taken for a git repository, and what its URL says besides: `URL#ref:directory`, `URL?branch=…&subdir=…`. */
import { parseGoBoolean } from '#base/booleans.ts';
import { EngineError } from '#base/errors.ts';
import type { GitTree } from '../definition/vertex.ts';

/** What a URL says: whether the `.git` directory is kept only where it does. */
export type GitLocation = Omit<GitTree, 'kind' | 'keepGitDirectory'> &
  Partial<Pick<GitTree, 'keepGitDirectory'>>;

const SCP_LIKE = /^[\w.-]+@[\w.-]+:(?!\/\/)[^\s]+$/;

/**
 * Undefined for a URL that names no repository: as in Docker, http URLs count only if their path ends in `.git`.
 *
 * @throws {EngineError} `invalid` for a repository that says something unknown, or two things that differ
 */
export function parseGitUrl(text: string): GitLocation | undefined {
  const [address = '', ...fragment] = text.split('#');
  const [base = '', ...query] = address.split('?');
  const url = repositoryOf(base);
  if (url === undefined) return undefined;
  const [ref = '', ...directory] = fragment.join('#').split(':');
  const location = { url, ref, directory: cleanDirectory(directory.join(':')) };
  return applyQuery(location, new URLSearchParams(query.join('?')));
}

/** The URL as git itself takes it. */
function repositoryOf(text: string): string | undefined {
  if (SCP_LIKE.test(text)) return text;
  if (/^github\.com\/[^/]/.test(text)) return `https://${text}`;
  if (!URL.canParse(text)) return undefined;
  const { protocol, pathname } = new URL(text);
  if (['git:', 'ssh:', 'git+ssh:'].includes(protocol)) return text;
  return ['http:', 'https:'].includes(protocol) && pathname.endsWith('.git') ? text : undefined;
}

type Setter = (location: GitLocation, value: string, name: string) => GitLocation;

const setRef =
  (prefix: string): Setter =>
  (location, value) => {
    const ref = value.startsWith(prefix) ? value : prefix + value;
    return { ...location, ref: agreed('ref', location.ref, ref) };
  };
const setChecksum: Setter = (location, checksum) => ({ ...location, checksum });

const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['ref', setRef('')],
  ['tag', setRef('refs/tags/')],
  ['branch', setRef('refs/heads/')],
  ['checksum', setChecksum],
  ['commit', setChecksum],
  [
    'subdir',
    (location, value) => ({
      ...location,
      directory: agreed('subdir', location.directory, cleanDirectory(value)),
    }),
  ],
  ['keep-git-dir', (location, value, name) => ({ ...location, keepGitDirectory: booleanOf(name, value) })],
  ['submodules', (location, value, name) => ({ ...location, withoutSubmodules: !booleanOf(name, value) })],
  ['fetch-by-commit', (location, value, name) => ({ ...location, isByChecksum: booleanOf(name, value) })],
  ['mtime', setTime],
]);

function applyQuery(location: GitLocation, query: URLSearchParams): GitLocation {
  let all = location;
  for (const name of new Set(query.keys())) {
    const setter = SETTERS.get(name);
    if (!setter) throw invalid(`unexpected query ${JSON.stringify(name)}`);
    const [value = '', ...others] = query.getAll(name);
    if (others.length > 0) throw invalid(`query ${JSON.stringify(name)} has multiple values`);
    if (value === '' && !FLAGS.includes(name)) throw invalid(`query ${JSON.stringify(name)} has no value`);
    all = setter(all, value, name);
  }
  return all;
}

/** Keys that mean true when they are given without a value. */
const FLAGS = ['keep-git-dir', 'submodules', 'fetch-by-commit'];

function booleanOf(name: string, value: string): boolean {
  const parsed = value === '' ? true : parseGoBoolean(value);
  if (parsed === undefined) throw invalid(`invalid ${name} value: ${JSON.stringify(value)}`);
  return parsed;
}

function setTime(location: GitLocation, value: string): GitLocation {
  if (value !== 'commit' && value !== 'checkout')
    throw invalid(`invalid mtime value: ${JSON.stringify(value)} (must be "checkout" or "commit")`);
  return { ...location, hasCommitTime: value === 'commit' };
}

/** A URL may say a thing twice, but not differently. @throws {EngineError} `invalid` */
function agreed(name: string, known: string, value: string): string {
  if (known !== '' && known !== value)
    throw invalid(`${name} conflicts: ${JSON.stringify(known)} vs ${JSON.stringify(value)}`);
  return value;
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}

/** @throws {EngineError} `invalid` for what leads out of the repository */
export function cleanDirectory(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new EngineError('invalid', `Cannot use directory ${text} of a repository: it leads out of it`);
  return parts.join('/');
}

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && parseGitUrl(text) === undefined;
}
