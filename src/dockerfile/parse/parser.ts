/** A Dockerfile's text into statements: comments, directives, continuations, heredocs. */
import type { ParsedFile, Range, SourceFile, Statement, Token } from '../ast.ts';
import { DirectiveReader } from './directives.ts';
import { DockerfileError, withPlace } from '../dockerfile-error.ts';
import { heredocHeadsAt, readHeredocs } from './heredoc.ts';
import { LogicalLine } from './logical-line.ts';
import { type PhysicalLine, PhysicalLines, withoutNewline } from './physical-lines.ts';
import { parseStatement, type StatementHead } from './statement.ts';

const HEREDOC_KEYWORDS: ReadonlySet<string> = new Set(['add', 'copy', 'run']);

/**
 * The statements of a file; arguments are cut, not yet checked.
 *
 * @throws {DockerfileError} with BuildKit's texts
 */
export function parseFile(source: SourceFile): ParsedFile {
  return withPlace({ range: placeOf(1), source }, () => new Parser(source).parse());
}

class Parser {
  readonly #source: SourceFile;
  readonly #lines: PhysicalLines;
  readonly #directives = new DirectiveReader();
  readonly #statements: Statement[] = [];
  readonly #emptyContinuations: Token[] = [];
  #comments: string[] = [];

  constructor(source: SourceFile) {
    this.#source = source;
    this.#lines = new PhysicalLines(source.text);
  }

  parse(): ParsedFile {
    if (this.#source.text === '') throw new DockerfileError('the Dockerfile cannot be empty', [placeOf(1)]);
    for (let line = this.#lines.take(); line !== undefined; line = this.#lines.take()) this.#line(line);
    if (this.#statements.length === 0)
      throw new DockerfileError('file with no instructions', [placeOf(this.#lines.number)]);
    return {
      source: this.#source,
      directives: this.#directives.directives,
      escape: this.#directives.escape,
      statements: this.#statements,
      emptyContinuations: this.#emptyContinuations,
    };
  }

  #line(line: PhysicalLine): void {
    const full = withoutNewline(line.raw);
    const text = full.trimStart();
    const isDirective = withPlace({ range: placeOf(line.number) }, () =>
      this.#directives.read(text, line.number),
    );
    if (isDirective || text === '') return;
    if (text.startsWith('#')) this.#comment(text.slice(1).trim());
    else this.#statement(text, full.length - text.length + 1, line.number);
  }

  /** Comments directly above an instruction describe it; an empty one ends the description. */
  #comment(text: string): void {
    if (text === '') this.#comments = [];
    else this.#comments.push(text);
  }

  #statement(text: string, column: number, number: number): void {
    const line = new LogicalLine();
    this.#join(line, text, column, number);
    const range = { ...line.range(0, line.text.length), start: { line: number, column } };
    const head = withPlace({ range }, () => parseStatement(line, 0, this.#directives.escape));
    const heads = mayHaveHeredocs(head) ? heredocHeadsAt(line.text, head.range) : [];
    const heredocs = readHeredocs(heads, this.#lines, head.range);
    const end = heredocs.at(-1)?.range.end ?? head.range.end;
    this.#statements.push({
      ...head,
      range: { start: head.range.start, end },
      heredocs,
      comments: this.#comments,
      ...(head.trigger === undefined ? {} : { trigger: { ...head.trigger, heredocs } }),
    });
    this.#comments = [];
  }

  /** Follows continuations; comment lines between them vanish. */
  #join(line: LogicalLine, text: string, column: number, number: number): void {
    let [part, continues] = splitContinuation(text, this.#directives.escape);
    let sawEmpty = false;
    line.append(part, number, column);
    while (continues) {
      const next = this.#lines.take();
      if (next === undefined) break;
      const full = withoutNewline(next.raw);
      const trimmed = full.trimStart();
      if (trimmed.startsWith('#')) continue;
      if (trimmed === '') sawEmpty = true;
      else {
        [part, continues] = splitContinuation(full, this.#directives.escape);
        line.append(part, next.number, 1);
      }
    }
    if (sawEmpty) this.#emptyContinuations.push({ text: line.text, range: placeOf(this.#lines.number) });
  }
}

/** Takes a final, unescaped escape character (blanks may follow) off `text`; true if there was one. */
function splitContinuation(text: string, escape: string): [string, boolean] {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1;
  if (text[end - 1] !== escape || text[end - 2] === escape) return [text, false];
  return [text.slice(0, end - 1), true];
}

function mayHaveHeredocs(head: StatementHead): boolean {
  const inner = head.keyword.text.toLowerCase() === 'onbuild' ? head.trigger : head;
  return (
    inner !== undefined && inner.form !== 'json' && HEREDOC_KEYWORDS.has(inner.keyword.text.toLowerCase())
  );
}

function placeOf(line: number): Range {
  return { start: { line, column: 1 }, end: { line, column: 1 } };
}
