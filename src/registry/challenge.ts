/** The header `WWW-Authenticate` (RFC 9110, 11.6.1): one or more schemes with parameters. */
export interface Challenge {
  /** The scheme in lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const MAXIMUM_LENGTH = 16 * 1024;
const SCHEME = /\s*,?\s*([A-Za-z][A-Za-z0-9._~+/-]*)(?=\s|$|,)(?!\s*=)/y;
const PARAMETER = /\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;

/** Parses the header; challenges that cannot be read are left out. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = header ?? '';
  if (text.length > MAXIMUM_LENGTH) return [];
  const challenges: Challenge[] = [];
  for (let at = 0; at < text.length; ) {
    const scheme = matchAt(SCHEME, text, at);
    if (!scheme) break;
    const { parameters, end } = parametersFrom(text, scheme.end);
    challenges.push({ scheme: (scheme.match[1] ?? '').toLowerCase(), parameters });
    at = end;
  }
  return challenges;
}

function parametersFrom(text: string, start: number) {
  const parameters: Record<string, string> = {};
  let end = start;
  for (let next = matchAt(PARAMETER, text, end); next; next = matchAt(PARAMETER, text, end)) {
    const [, name = '', quoted, plain = ''] = next.match;
    parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    end = next.end;
  }
  return { parameters, end };
}

function matchAt(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match ? { match, end: pattern.lastIndex } : undefined;
}
