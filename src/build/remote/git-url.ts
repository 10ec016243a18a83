/** What is taken for a git repository, and what its URL says besides: `URL#ref:directory`, `URL?branch=…&subdir=…`. */
import { EngineError } from '#base/errors.ts';

export interface GitLocation {
  /** For git itself. */
  readonly url: string;
  /** A branch, tag or commit; empty: the default branch. */
  readonly ref: string;
  /** Relative; empty: all. */
  readonly directory: string;
  readonly keepGitDirectory?: boolean;
  readonly checksum?: string;
}

const SCP_LIKE = /^[\w.-]+@[\w.-]+:(?!\/\/)[^\s]+$/;

/**
 * Undefined for what is none: as in Docker, http URLs count only if their path ends in `.git`.
 *
 * @throws {EngineError} `invalid` for a repository that says something unknown
 */
export function parseGitUrl(text: string): GitLocation | undefined {
  if (SCP_LIKE.test(text)) return withFragment(text);
  if (/^github\.com\/[^/]/.test(text)) return withFragment(`https://${text}`);
  if (!URL.canParse(text)) return undefined;
  const { protocol, pathname, searchParams } = new URL(text);
  const isRepository = ['git:', 'ssh:', 'git+ssh:'].includes(protocol) || pathname.endsWith('.git');
  if (!isRepository || !['http:', 'https:', 'git:', 'ssh:', 'git+ssh:'].includes(protocol)) return undefined;
  return searchParams.size > 0 && pathname.endsWith('.git') ? withQuery(text) : withFragment(text);
}

function withFragment(text: string): GitLocation {
  const [url = '', ...rest] = text.split('#');
  const [ref = '', ...directory] = rest.join('#').split(':');
  return { url, ref, directory: cleanDirectory(directory.join(':')) };
}

function withQuery(text: string): GitLocation {
  const url = new URL(text);
  const values = new Map(url.searchParams);
  const known = [
    'ref',
    'tag',
    'branch',
    'subdir',
    'keep-git-dir',
    'checksum',
    'commit',
    'submodules',
    'mtime',
  ];
  for (const name of values.keys())
    if (!known.includes(name)) throw new EngineError('invalid', `unexpected query "${name}"`);
  const fragment = withFragment(`x${url.hash}`);
  url.hash = '';
  url.search = '';
  const keep = values.get('keep-git-dir');
  const checksum = values.get('checksum') ?? values.get('commit');
  return {
    url: url.href,
    ref: values.get('ref') ?? values.get('tag') ?? values.get('branch') ?? fragment.ref,
    directory: cleanDirectory(values.get('subdir') ?? fragment.directory),
    ...(keep !== undefined && { keepGitDirectory: keep === '' || keep === 'true' || keep === '1' }),
    ...(checksum !== undefined && { checksum }),
  };
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
