import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isArchive, openArchive } from '../files/archive-file.ts';
import type { BuildSession } from '../session/build-session.ts';
import { permittedFile, permittedFiles } from '../policy/permitted-sources.ts';
import type { SourcePolicies } from '../policy/source-policies.ts';
import { parseGitUrl } from '../remote/git-url.ts';
import { readInside, receiveArchive } from './archive-context.ts';
import { wholeDirectory } from './whole-directory.ts';
import type { ContextSourceFiles, ContextWork, SourceOptions } from './context-source.ts';

/** A larger file is not taken for a Dockerfile. */
const MAXIMUM_DOCKERFILE_BYTES = 16 << 20;

export interface RemoteContextOptions extends SourceOptions {
  readonly session?: BuildSession;
  readonly policies: SourcePolicies;
  /** `.git` of a repository whose URL does not say whether it is wanted. */
  readonly keepsGitDirectory: boolean;
}

/**
 * A context that the engine fetches: a git repository, an archive, or a Dockerfile alone.
 *
 * @throws {EngineError} `invalid` for URLs that are none, and what fetching throws
 */
export async function fetchContext(
  { intake, downloads }: Pick<ContextWork, 'intake' | 'downloads'>,
  url: string,
  options: RemoteContextOptions,
): Promise<ContextSourceFiles> {
  const git = parseGitUrl(url);
  if (git) {
    const tree = {
      kind: 'git',
      ...git,
      keepGitDirectory: git.keepGitDirectory ?? options.keepsGitDirectory,
    } as const;
    const held = await downloads.get(permittedFiles(options.policies, tree), options);
    return wholeDirectory(held.files, { [Symbol.asyncDispose]: async () => held[Symbol.dispose]() });
  }
  if (!/^https?:\/\//.test(url))
    throw new EngineError('invalid', `Cannot fetch build context: ${url} is no URL of a repository or file`);
  using file = await downloads.file(permittedFile(options.policies, { kind: 'http', url }), options);
  const { directory, name, origin } = file.files;
  const source = (await isArchive(directory, name))
    ? await receiveArchive(intake, await openArchive(directory, name), options)
    : dockerfileAlone(directory, name, options.root);
  return { ...source, files: (ignore) => ({ ...source.files(ignore), ...(origin && { origin }) }) };
}

/** Whatever it is called; there are no other files. */
function dockerfileAlone(directory: string, name: string, empty: string): ContextSourceFiles {
  const text = readInside(directory, name) ?? '';
  if (text.length > MAXIMUM_DOCKERFILE_BYTES)
    throw new EngineError('invalid', 'Cannot read Dockerfile: what the URL gives is too large to be one');
  return {
    isWhole: true,
    read: (paths) => {
      const names = paths.filter((path) => !posix.basename(path).endsWith('.dockerignore'));
      return Promise.resolve(new Map(names.map((path) => [path, text])));
    },
    files: (ignore) => ({
      kind: 'local',
      directory: empty,
      ignore,
      hold: () => Promise.resolve({ [Symbol.dispose]: () => undefined }),
    }),
    receive: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
