/** Files of a git repository, by the system's git. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EngineError } from '#base/errors.ts';
import { setTimes } from '#linux/files.ts';
import type { GitTree } from '../definition/vertex.ts';
import type { GitAccess, Variables } from './git-access.ts';
import { withoutPassword } from '#registry/open-url.ts';

export interface GitOptions {
  readonly signal: AbortSignal;
  readonly access: Pick<GitAccess, 'variables' | 'explain'>;
}

/** Keeps a foreign repository from having git run hooks and helpers, or read other repositories of this machine. */
const HARDENED = {
  'protocol.allow': 'never',
  'protocol.https.allow': 'always',
  'protocol.http.allow': 'always',
  'protocol.git.allow': 'always',
  'protocol.ssh.allow': 'always',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.symlinks': 'true',
  'core.autocrlf': 'false',
  'credential.helper': '',
  'submodule.recurse': 'false',
  'init.defaultBranch': 'main',
  'advice.detachedHead': 'false',
  'gc.auto': '0',
  'filter.lfs.smudge': '',
  'filter.lfs.required': 'false',
} as const;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const MAXIMUM_MESSAGE = 2000;
/** git's own words, and libcurl's (CURLE_WRITE_ERROR). */
const DISK_IS_FULL = /no space left on device|curl_result = 23\b/i;
/** A shell's exit code for a program that it does not find. */
const NOT_FOUND = 127;

/**
 * The commit that a reference means now.
 *
 * @throws {EngineError} `not-found` without such a reference, `unavailable` without git or repository
 */
export async function resolveCommit(tree: GitTree, options: GitOptions): Promise<string> {
  const { url, ref, checksum = '', isByChecksum } = tree;
  if (COMMIT.test(ref)) return ref;
  if (isByChecksum === true) {
    if (COMMIT.test(checksum)) return checksum;
    throw new EngineError('invalid', 'fetch-by-commit needs a checksum that is the whole name of a commit');
  }
  checkArgument(ref);
  const wanted = ref === '' ? 'HEAD' : ref;
  const lines = await git(['ls-remote', '--', url, wanted, `${wanted}^{}`], options);
  const found = new Map(
    lines.split('\n').flatMap((line) => {
      const [commit = '', name = ''] = line.split('\t');
      return COMMIT.test(commit) ? [[name, commit] as const] : [];
    }),
  );
  // An annotated tag stands for its commit; branches come before tags of the same name, as for git fetch they do not.
  for (const prefix of ['', 'refs/tags/', 'refs/heads/', 'refs/'])
    for (const suffix of ['^{}', '']) {
      const commit = found.get(`${prefix}${wanted}${suffix}`);
      if (commit !== undefined) return commit;
    }
  throw new EngineError('not-found', `Cannot fetch ${url}: repository does not contain ref ${ref}`);
}

/**
 * A directory of what is checked out in `root`. No link is followed: it could lead out of the repository.
 *
 * @throws {EngineError} `invalid` for what is not a directory there
 */
export function directoryIn(root: string, { url, directory }: GitTree): string {
  let path = root;
  for (const part of directory.split('/').filter((part) => part !== '')) {
    path = join(path, part);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) continue;
    const problem = stats ? `contains non-directory ${JSON.stringify(part)}` : 'does not exist';
    const text = `invalid subdir /${directory} of ${withoutPassword(url)}: git subpath ${problem}`;
    throw new EngineError('invalid', text);
  }
  return path;
}

/** Writes the files of the commit into a new directory. */
export async function checkOut(
  { url, ref, keepGitDirectory, withoutSubmodules, hasCommitTime }: GitTree,
  commit: string,
  directory: string,
  options: GitOptions,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const inside = (...args: readonly string[]) => git(['-C', directory, ...args], options);
  await inside('init', '--quiet');
  await inside('remote', 'add', '--', 'origin', url);
  await fetchCommit(inside, commit, ref);
  await inside('checkout', '--quiet', '--force', '--detach', commit);
  if (withoutSubmodules !== true)
    await inside('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1');
  if (hasCommitTime === true) {
    const seconds = await inside('show', '--no-patch', '--format=%ct', commit);
    await setAllTimes(directory, BigInt(seconds.trim()) * 1_000_000_000n);
  }
  if (!keepGitDirectory) await rm(join(directory, '.git'), { recursive: true, force: true });
}

/** Sets the times of all but git's own files; directories come after what is in them. */
async function setAllTimes(directory: string, timeNs: bigint): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name === '.git') continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await setAllTimes(path, timeNs);
    else setTimes(path, timeNs, timeNs);
  }
  setTimes(directory, timeNs, timeNs);
}

/** Servers need not give a commit by its name, nor only the latest of a history. */
async function fetchCommit(
  inside: (...args: readonly string[]) => Promise<string>,
  commit: string,
  ref: string,
): Promise<void> {
  const attempts = [
    ['--depth=1', 'origin', commit],
    ...(ref === '' || ref === commit ? [] : [['--depth=1', '--tags', 'origin', ref]]),
    ['--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*'],
  ];
  let failure: unknown;
  for (const attempt of attempts) {
    try {
      await inside('fetch', '--quiet', '--no-recurse-submodules', ...attempt);
      await inside('cat-file', '-e', `${commit}^{commit}`);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function checkArgument(ref: string): void {
  if (ref.startsWith('-') || /[\s\0]/.test(ref))
    throw new EngineError('invalid', `Cannot fetch ${JSON.stringify(ref)}: not the name of a reference`);
}

/**
 * Runs a program that leaves none of its helpers behind: they share a process group, which a watching shell kills when
 * its standard input ends. That is when the program has ended, or when the engine has, however it did.
 */
const WATCHED = 'exec 3<&0; { read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null';

/** @throws {EngineError} `unavailable` or, for a full disk, `exhausted` with git's words */
async function git(args: readonly string[], { signal, access }: GitOptions): Promise<string> {
  const settings = Object.entries(HARDENED).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const env = environment(await access.variables());
  signal.throwIfAborted();
  const child = spawn('sh', ['-c', WATCHED, 'sh', 'git', ...settings, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    signal,
    killSignal: 'SIGKILL',
    env,
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    const [output, errors, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (exitCode === 0) return output;
    if (exitCode === NOT_FOUND)
      throw new EngineError('unavailable', 'Cannot fetch from git: the program git is not installed');
    const words = access.explain(errors.trim()).slice(-MAXIMUM_MESSAGE);
    if (DISK_IS_FULL.test(words))
      throw new EngineError('exhausted', `Cannot fetch from git: no space left on device: ${words}`);
    throw new EngineError('unavailable', `Cannot fetch from git: ${words}`);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    // From then on no helper writes any more.
    await closed;
  }
}

/** An environment without this machine's configuration and without prompts. */
function environment(access: Variables): Variables {
  const { PATH = '/usr/bin:/bin', ...rest } = process.env;
  const proxies = Object.entries(rest).filter(([name]) => /^(?:https?|no|all)_proxy$/i.test(name));
  return {
    PATH,
    ...Object.fromEntries(proxies.map(([name, value]) => [name, value ?? ''])),
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    ...access,
  };
}
