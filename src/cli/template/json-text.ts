/**
 * Reads JSON without losing digits: whole numbers that a double cannot hold (nanoseconds since the epoch, limits
 * near 2^63) become bigints.
 */
export function parseJson(text: string) {
  // Digits beyond 2^53 are rare: only then is the slower way taken.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token : `"${ESCAPED_MARK}${token}"`,
  );
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? narrow(BigInt(value.slice(MARK.length))) : value,
  );
}

/** No JSON string of the API begins so. */
const MARK = '\u0001integer:';
const ESCAPED_MARK = String.raw`\u0001integer:`;

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Writes JSON as Go does without HTML escapes; bigints as the numbers they are. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? `${MARK}${each}` : each,
  );
  return (text ?? 'null').replaceAll(/"\\u0001integer:(-?\d+)"/g, '$1');
}

/**
 * Lays JSON out with an indent a level, touching nothing else: numbers, escapes and the order of keys stay as the
 * engine wrote them (Go's json.Indent).
 */
export function indentJson(text: string, indent: string, prefix = ''): string {
  let depth = 0;
  const line = (): string => `\n${prefix}${indent.repeat(depth)}`;
  return text.trim().replace(TOKENS, (token, closing: string | undefined) => {
    if (token.startsWith('"')) return token;
    if (/^\s+$/.test(token)) return '';
    if (closing !== undefined) return token.replaceAll(/\s/g, '');
    if (token === '{' || token === '[') {
      depth++;
      return token + line();
    }
    if (token === '}' || token === ']') {
      depth--;
      return line() + token;
    }
    return token === ',' ? `,${line()}` : ': ';
  });
}

/** Strings, empty objects and lists (kept on one line), brackets, separators, space. */
const TOKENS = /"(?:[^"\\]|\\.)*"|(\{\s*\}|\[\s*\])|[{}[\],:]|\s+/g;

const HTML: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };

/** Escapes what HTML reads, as Go does within the JSON of rows. */
export function escapeHtml(json: string): string {
  return json.replaceAll(/[<>&]/g, (letter) => HTML[letter] ?? letter);
}
