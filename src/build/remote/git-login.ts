/**
 * What a server of https wants to see: a token or a header, secrets of the client under the names that BuildKit has for
 * them. They are for the repository that the build names, not for where that leads.
 */
import { EngineError } from '#base/errors.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { GitTree } from '../definition/vertex.ts';

export interface GitLogin {
  /** For git's environment, which only the engine's user can read; arguments are for everybody. */
  readonly variables: Readonly<Record<string, string>>;
  /** git's words without the secret, which a server may repeat, and with what to do. */
  readonly explain: (words: string) => string;
}

export interface GitLoginOptions {
  readonly session?: Pick<BuildSession, 'secret'>;
  readonly signal: AbortSignal;
}

interface Login {
  /** The id of the secret. */
  readonly id: string;
  /** The value of `Authorization`. */
  readonly header: string;
}

const TOKEN = 'GIT_AUTH_TOKEN';
const HEADER = 'GIT_AUTH_HEADER';
/** Servers take any name with a token. */
const USER = 'x-access-token';
/** Hosts where one token is for all that its owner may read, submodules too. */
const WHOLE_HOSTS = ['https://github.com/', 'https://www.github.com/'];
const MISSING = `for a private repository give a token: --secret id=${TOKEN},env=VARIABLE`;
const IS_REFUSED = /could not read (?:Username|Password) for|Authentication failed for/;
const IS_REDIRECTED = /returned error: 30[1278]\b/;

/** @throws {EngineError} `invalid` for a secret that cannot be a header */
export async function openGitLogin(tree: GitTree, options: GitLoginOptions): Promise<GitLogin> {
  const login = await find(tree, options);
  if (!login) return { variables: {}, explain: (words) => withAdvice(words, IS_REFUSED, MISSING) };
  const scope = scopeOf(tree.url);
  return {
    variables: settings({
      [`http.${scope}.extraHeader`]: `Authorization: ${login.header}`,
      // git would show it, once it is redirected, to that host too.
      [`http.${scope}.followRedirects`]: 'false',
    }),
    explain: (words) => {
      const clean = withAdvice(
        conceal(words, login.header),
        IS_REFUSED,
        `secret ${login.id} is not accepted`,
      );
      return withAdvice(clean, IS_REDIRECTED, `secret ${login.id} is not shown to where it redirects`);
    },
  };
}

/** As BuildKit looks for it: what is for the host comes first, headers before tokens. */
async function find(
  { url, tokenSecret = TOKEN, headerSecret = HEADER }: GitTree,
  { session, signal }: GitLoginOptions,
): Promise<Login | undefined> {
  if (!session || !URL.canParse(url)) return undefined;
  for (const suffix of [`.${new URL(url).host}`, ''])
    for (const [name, headerOf] of [
      [headerSecret, (value: string) => value],
      [tokenSecret, basicHeader],
    ] as const) {
      if (name === '') continue;
      const id = `${name}${suffix}`;
      const value = oneLine(id, await session.secret(id, signal));
      if (value !== '') return { id, header: headerOf(value) };
    }
  return undefined;
}

/** An empty secret, as of a variable that is not set everywhere, counts as none. */
function oneLine(id: string, secret: Buffer | undefined): string {
  const text = (secret?.toString() ?? '').trim();
  if (/[\0\r\n]/.test(text))
    throw new EngineError('invalid', `Cannot use secret ${id} for git: it has several lines`);
  return text;
}

function basicHeader(token: string): string {
  return `Basic ${Buffer.from(`${USER}:${token}`).toString('base64')}`;
}

function scopeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  const scope = origin + pathname;
  return WHOLE_HOSTS.find((host) => scope.startsWith(host)) ?? scope;
}

function settings(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = Object.entries(values).flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ]);
  return { ...Object.fromEntries(pairs), GIT_CONFIG_COUNT: String(pairs.length / 2) };
}

function conceal(words: string, header: string): string {
  const [scheme = '', ...rest] = header.split(/\s+/);
  const credentials = rest.join(' ');
  const isBasic = scheme.toLowerCase() === 'basic';
  const password = isBasic
    ? Buffer.from(credentials, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
    : '';
  return [header, credentials, password]
    .filter((hidden) => hidden !== '')
    .reduce((text, hidden) => text.replaceAll(hidden, '*****'), words);
}

function withAdvice(words: string, pattern: RegExp, advice: string): string {
  return pattern.test(words) ? `${words} (${advice})` : words;
}
