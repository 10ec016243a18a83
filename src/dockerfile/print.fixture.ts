/** An AST back into text that parses to the same AST; positions apart. */
import type { Dockerfile, Heredoc, Statement } from './ast.ts';
import { tryParseHeredocHead } from './parse/heredoc.ts';
import { KEYWORDS } from './parse/statement.ts';

/**
 * The file, one statement a line. Comments stay above their instruction; a value that stood on several lines is
 * joined.
 */
export function printDockerfile(
  dockerfile: Pick<Dockerfile, 'directives' | 'statements' | 'escape'>,
): string {
  const directives = dockerfile.directives.map(({ name, value }) => `# ${name}=${value}\n`);
  /* An empty line ends the directives, so that a comment that looks like one stays a comment. */
  const statements = dockerfile.statements.map((statement) => printStatement(statement, dockerfile.escape));
  return `${directives.join('')}\n${statements.join('')}`;
}

/** One statement with its heredocs, ending with a newline. */
function printStatement(statement: Statement, escape: '\\' | '`' = '\\'): string {
  const comments = statement.comments.map((comment) => `# ${comment}\n`);
  return `${comments.join('')}${closeLine(printLine(statement, escape), escape)}\n${statement.heredocs.map(printHeredoc).join('')}`;
}

function printLine(statement: Statement, escape: string): string {
  const isNested = statement.keyword.text.toLowerCase() === 'onbuild' && statement.trigger === undefined;
  if (isNested || !KEYWORDS.some((keyword) => keyword === statement.keyword.text.toUpperCase()))
    return statement.original;
  const flags = statement.flags.map(({ text }) => quoteFlag(text, escape));
  const head = [statement.keyword.text, ...flags];
  if (statement.trigger !== undefined) return [...head, printLine(statement.trigger, escape)].join(' ');
  const needsSeparator = statement.args[0]?.text.startsWith('--') === true;
  return [...head, ...(needsSeparator ? ['--'] : []), ...printArguments(statement)].join(' ');
}

function printArguments(statement: Statement): readonly string[] {
  const args = statement.args.map(({ text }) => text);
  const keyword = statement.keyword.text.toLowerCase();
  if (keyword === 'healthcheck' && statement.form === 'json')
    return [args[0] ?? '', JSON.stringify(args.slice(1))];
  if (statement.form === 'json') return [JSON.stringify(args)];
  return keyword === 'env' || keyword === 'label' ? printPairs(args) : printWords(args, statement.heredocs);
}

/** A final escape character that stood before the end of the file must not continue the line: another one does. */
function closeLine(line: string, escape: string): string {
  const isOpen = line.endsWith(escape) && !line.endsWith(escape + escape);
  return isOpen ? `${line} ${escape}` : line;
}

/**
 * Heredocs are recognised by a shell's rules: a backslash before the blank in front of one would hide it, so there
 * are two blanks where it was not hidden.
 */
function printWords(args: readonly string[], heredocs: readonly Heredoc[]): readonly string[] {
  let seen = 0;
  return args.map((arg, index) => {
    if (heredocs[seen] === undefined || tryParseHeredocHead(arg)?.name !== heredocs[seen]?.name) return arg;
    seen += 1;
    return args[index - 1]?.endsWith('\\') === true ? ` ${arg}` : arg;
  });
}

/** Triples of key, value and separator. */
function printPairs(args: readonly string[]): readonly string[] {
  const pairs: string[] = [];
  for (let index = 0; index < args.length; index += 3)
    pairs.push(printPair(args[index] ?? '', args[index + 1] ?? '', args[index + 2] ?? ''));
  return pairs;
}

/** The old form, `key value`, has no separator; one blank after an escape character would be part of the key. */
function printPair(key: string, value: string, separator: string): string {
  if (separator !== '') return `${key}${separator}${value}`;
  return `${key}${/[\\`]$/.test(key) ? '  ' : ' '}${value}`;
}

/** Quotes and escapes in a flag were resolved: they have to be written again. */
function quoteFlag(text: string, escape: string): string {
  return text.replace(/[\s'"\\`]/g, (character) => {
    if (/\s/.test(character)) return `"${character}"`;
    return character === "'" || character === '"' || character === escape ? escape + character : character;
  });
}

/** The `<<NAME` itself is among the arguments. */
function printHeredoc({ content, name }: Heredoc): string {
  return `${content}${name}\n`;
}
