import { TemplateError } from './template-error.ts';

export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' }
  | { readonly kind: 'close' }
  /** `.Name`; `attached` where it follows an operand without a space and so belongs to it. */
  | { readonly kind: 'field'; readonly name: string; readonly attached: boolean }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'word'; readonly name: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'symbol'; readonly symbol: '(' | ')' | '|' | ',' | ':=' | '=' };

/** Splits a template (Go's text/template) into text and the tokens of its actions; white space is trimmed here. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf('{{', at);
    const text = open < 0 ? source.slice(at) : source.slice(at, open);
    const trimEnd = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4));
    pushText(tokens, text, trimNext, trimEnd);
    if (open < 0) return tokens;
    const start = open + (trimEnd ? 3 : 2);
    const comment = /^\s*\/\*[^]*?\*\/(\s-)?\}\}/.exec(source.slice(start));
    if (comment) {
      trimNext = comment[1] !== undefined;
      at = start + comment[0].length;
      continue;
    }
    const action = readAction(source, start);
    tokens.push({ kind: 'open' }, ...action.tokens, { kind: 'close' });
    trimNext = action.trim;
    at = action.end;
  }
}

function pushText(tokens: Token[], text: string, trimStart: boolean, trimEnd: boolean): void {
  const started = trimStart ? text.trimStart() : text;
  const trimmed = trimEnd ? started.trimEnd() : started;
  if (trimmed !== '') tokens.push({ kind: 'text', text: trimmed });
}

const PATTERN =
  /(?<space>\s+)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\]|\\.)')|(?<number>[+-]?\d+(?:\.\d+)?)|(?<field>\.[\p{L}_][\p{L}\p{N}_]*)|(?<dot>\.)|(?<variable>\$[\p{L}\p{N}_]*)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol>:=|[()|,=])/uy;

interface Action {
  readonly tokens: readonly Token[];
  readonly end: number;
  /** The white space after it goes too. */
  readonly trim: boolean;
}

function readAction(source: string, start: number): Action {
  const tokens: Token[] = [];
  let at = start;
  let spaced = true;
  for (;;) {
    const close = /\s-\}\}|\}\}/y;
    close.lastIndex = at;
    const closing = close.exec(source);
    if (closing) return { tokens, end: close.lastIndex, trim: closing[0] !== '}}' };
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(source);
    if (!match) throw unreadable(source, at);
    at = PATTERN.lastIndex;
    const token = toToken(match.groups ?? {}, !spaced);
    if (token) tokens.push(token);
    spaced = token === undefined || (token.kind === 'symbol' && token.symbol !== ')');
  }
}

const SYMBOLS = ['(', ')', '|', ',', ':=', '='] as const;

function toToken(groups: Readonly<Record<string, string | undefined>>, attached: boolean): Token | undefined {
  const { string, char, number, field, dot, variable, word, symbol } = groups;
  if (string !== undefined) return { kind: 'string', value: unquote(string) };
  if (char !== undefined)
    return { kind: 'number', value: unquote(`"${char.slice(1, -1)}"`).codePointAt(0) ?? 0 };
  if (number !== undefined) return { kind: 'number', value: Number(number) };
  if (field !== undefined) return { kind: 'field', name: field.slice(1), attached };
  if (dot !== undefined) return { kind: 'dot' };
  if (variable !== undefined) return { kind: 'variable', name: variable };
  if (word !== undefined) return { kind: 'word', name: word };
  if (symbol !== undefined)
    return { kind: 'symbol', symbol: SYMBOLS.find((known) => known === symbol) ?? '|' };
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function unquote(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  return literal
    .slice(1, -1)
    .replace(
      /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi,
      (_, hex?: string, unicode?: string, letter?: string) => {
        if (letter === undefined) return String.fromCodePoint(Number.parseInt(hex ?? unicode ?? '0', 16));
        return ESCAPES[letter] ?? `\\${letter}`;
      },
    );
}

function unreadable(source: string, at: number): TemplateError {
  const rest = source.slice(at);
  if (rest === '' || !rest.includes('}}')) return new TemplateError('unclosed action: "}}" is missing');
  return new TemplateError(`unexpected ${JSON.stringify(rest.charAt(0))} in an action`);
}
