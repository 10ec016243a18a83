/** One logical line into keyword, flags and arguments: each keyword has its own way to cut its arguments. */
import { unreachable } from '#base/unreachable.ts';
import type { ArgumentForm, Statement, Token } from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';
import { parseJsonForm } from './json-form.ts';
import type { LogicalLine } from './logical-line.ts';
import { type Piece, skipBlanks, splitBlanks, splitFirst, splitFlags, splitWords } from '../words/words.ts';

export const KEYWORDS = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
] as const;

type Syntax = 'words' | 'blanks' | 'text' | 'command' | 'list' | 'pairs' | 'check' | 'trigger';

const SYNTAX: ReadonlyMap<string, Syntax> = new Map([
  ['add', 'list'],
  ['arg', 'words'],
  ['cmd', 'command'],
  ['copy', 'list'],
  ['entrypoint', 'command'],
  ['env', 'pairs'],
  ['expose', 'blanks'],
  ['from', 'blanks'],
  ['healthcheck', 'check'],
  ['label', 'pairs'],
  ['maintainer', 'text'],
  ['onbuild', 'trigger'],
  ['run', 'command'],
  ['shell', 'command'],
  ['stopsignal', 'text'],
  ['user', 'text'],
  ['volume', 'list'],
  ['workdir', 'text'],
]);

export type StatementHead = Omit<Statement, 'heredocs' | 'comments'>;

interface Arguments {
  readonly form: ArgumentForm;
  readonly pieces: readonly Piece[];
  /** What follows a JSON array. */
  readonly comment?: Piece | undefined;
}

/**
 * Cuts `line` from `start` on. An unknown keyword gets no arguments: it is reported once the file is known to be
 * well formed otherwise.
 *
 * @throws {EngineError} `invalid`
 */
export function parseStatement(
  line: LogicalLine,
  start: number,
  escape: '\\' | '`',
  nested = false,
): StatementHead {
  const text = line.text.trimEnd();
  const begin = skipBlanks(text, start);
  const [keyword, after] = splitFirst(text, begin);
  const { flags, rest } = splitFlags(text, after?.start ?? text.length, escape);
  const syntax = SYNTAX.get(keyword.text.toLowerCase());
  const trigger = syntax === 'trigger' && !nested && rest < text.length;
  const { form, pieces, comment } = cutArguments(syntax, keyword.text, { text, rest, escape });
  return {
    keyword: line.token(keyword.start, keyword.end),
    flags: flags.map((piece) => tokenOf(line, piece)),
    form,
    args: pieces.map((piece) => tokenOf(line, piece)),
    ...(comment && { trailingComment: tokenOf(line, comment) }),
    original: text.slice(begin),
    range: line.range(begin, text.length),
    ...(trigger ? { trigger: { ...parseStatement(line, rest, escape, true), ...EMPTY } } : {}),
  };
}

const EMPTY = { heredocs: [], comments: [] } as const;

function tokenOf(line: LogicalLine, piece: Piece): Token {
  return line.token(piece.start, piece.end, piece.text);
}

/** A line whose arguments begin at `rest`. */
interface ArgumentText {
  readonly text: string;
  readonly rest: number;
  readonly escape: string;
}

function cutArguments(
  syntax: Syntax | undefined,
  keyword: string,
  { text, rest, escape }: ArgumentText,
): Arguments {
  if (syntax === undefined || rest >= text.length) return { form: 'plain', pieces: [] };
  const all: Piece = { text: text.slice(rest), start: rest, end: text.length };
  switch (syntax) {
    case 'words':
      return { form: 'plain', pieces: splitWords(text, rest, escape) };
    case 'blanks':
      return { form: 'plain', pieces: splitBlanks(text, rest) };
    case 'trigger':
      return { form: 'plain', pieces: [splitFirst(text, rest)[0]] };
    case 'text':
      return { form: 'plain', pieces: [all] };
    case 'command':
      return jsonOr(text, rest, () => [all]);
    case 'list':
      return jsonOr(text, rest, () => splitBlanks(text, rest));
    case 'pairs':
      return { form: 'plain', pieces: cutPairs(keyword, text, rest, escape) };
    case 'check':
      return cutHealthcheck(text, rest);
    default:
      return unreachable(syntax);
  }
}

function jsonOr(text: string, rest: number, otherwise: () => readonly Piece[]): Arguments {
  const json = parseJsonForm(text, rest);
  if (json !== undefined) return { form: 'json', pieces: json.elements, comment: json.comment };
  return { form: 'plain', pieces: otherwise() };
}

/** The check's type (`CMD`, `NONE`), then a command. */
function cutHealthcheck(text: string, rest: number): Arguments {
  const [type, command] = splitFirst(text, rest);
  if (command === undefined) return { form: 'plain', pieces: [type] };
  const { pieces, ...others } = jsonOr(text, command.start, () => [command]);
  return { ...others, pieces: [type, ...pieces] };
}

/** `key=value …` or the old `key value with blanks`: triples of key, value and separator. */
function cutPairs(keyword: string, text: string, rest: number, escape: string): readonly Piece[] {
  const words = splitWords(text, rest, escape);
  if (words[0]?.text.includes('=') !== true) return cutOldPair(keyword, text, rest);
  return words.flatMap((word) => {
    const separator = word.text.indexOf('=');
    if (separator < 0)
      throw invalid(
        `Syntax error - can't find = in ${JSON.stringify(word.text)}. Must be of the form: name=value`,
      );
    const middle = word.start + separator;
    return [
      { text: word.text.slice(0, separator), start: word.start, end: middle },
      { text: word.text.slice(separator + 1), start: middle + 1, end: word.end },
      { text: '=', start: middle, end: middle + 1 },
    ];
  });
}

function cutOldPair(keyword: string, text: string, rest: number): readonly Piece[] {
  const [key, value] = splitFirst(text, rest);
  if (value === undefined) throw invalid(`${keyword.toUpperCase()} must have two arguments`);
  return [key, value, { text: '', start: key.end, end: key.end }];
}
