/** `<<EOF`: recognising the words that ask for one, and taking the bodies from the lines that follow. */
import { EngineError } from '#base/errors.ts';
import type { Heredoc, Range } from '../ast.ts';
import { DockerfileError, withPlace } from '../dockerfile-error.ts';
import { expand } from '../words/expand.ts';
import { type PhysicalLines, withoutNewline } from './physical-lines.ts';

export type HeredocHead = Pick<Heredoc, 'name' | 'expand' | 'chomp' | 'fileDescriptor'>;

const HEAD = /^(\d*)<<(-?)([^<]*)$/;
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** The heredoc a word asks for; undefined if it asks for none. */
function parseHeredocHead(word: string): HeredocHead | undefined {
  const match = HEAD.exec(word);
  const rest = match?.[3]?.trimStart() ?? '';
  if (match === null || rest === '') return undefined;
  const [name, ...others] = expand(rest, NO_VARIABLES, { keepUnset: true }).words;
  if (name === undefined || others.length > 0) return undefined;
  const [raw = ''] = expand(rest, NO_VARIABLES, { keepUnset: true, rawQuotes: true }).words;
  return {
    name,
    expand: countQuotes(raw) === countQuotes(name),
    chomp: match[2] === '-',
    fileDescriptor: Number(match[1] ?? 0),
  };
}

/** As {@link parseHeredocHead}; a word that cannot be read asks for none. */
export function tryParseHeredocHead(word: string): HeredocHead | undefined {
  try {
    return parseHeredocHead(word);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function countQuotes(text: string): number {
  return text.split(/['"]/).length - 1;
}

/** All heredocs a line asks for; none if its quotes are not balanced, for then a shell would see none. */
function heredocHeads(line: string): readonly HeredocHead[] {
  if (!line.includes('<<')) return [];
  return splitRaw(line).flatMap((word) => parseHeredocHead(word) ?? []);
}

function splitRaw(line: string): readonly string[] {
  try {
    return expand(line, NO_VARIABLES, { keepUnset: true, rawQuotes: true, rawEscapes: true }).words;
  } catch (error) {
    if (error instanceof EngineError) return [];
    throw error;
  }
}

/**
 * Takes the bodies of `heads` from `lines`, in order.
 *
 * @throws {DockerfileError} if the file ends first; `statement` is the place to show
 */
export function readHeredocs(
  heads: readonly HeredocHead[],
  lines: PhysicalLines,
  statement: Range,
): readonly Heredoc[] {
  return heads.map((head) => readHeredoc(head, lines, statement));
}

function readHeredoc(head: HeredocHead, lines: PhysicalLines, statement: Range): Heredoc {
  const content: string[] = [];
  const start = { line: lines.number + 1, column: 1 };
  for (let line = lines.take(); line !== undefined; line = lines.take()) {
    const text = withoutNewline(line.raw);
    if ((head.chomp ? text.replace(/^\t+/, '') : text) === head.name) {
      const end = { line: line.number, column: text.length + 1 };
      return { ...head, content: content.join(''), range: { start, end } };
    }
    content.push(line.raw);
  }
  throw new DockerfileError('unterminated heredoc', [
    { start: statement.start, end: { line: lines.number, column: 1 } },
  ]);
}

/** The body as the reader meant it: `<<-` drops the tabs at the start of each line. */
export function heredocBody(heredoc: Pick<Heredoc, 'chomp' | 'content'>): string {
  return heredoc.chomp ? heredoc.content.replace(/^\t+/gm, '') : heredoc.content;
}

/** The heads of `line`; what is wrong with one is reported at `range`. */
export function heredocHeadsAt(line: string, range: Range): readonly HeredocHead[] {
  return withPlace({ range }, () => heredocHeads(line));
}
