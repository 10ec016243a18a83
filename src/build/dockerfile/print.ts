/** An AST back into text that parses to the same AST; positions apart. */
import type { Dockerfile, Heredoc, Statement } from './ast.ts';

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
export function printStatement(statement: Statement, escape: '\\' | '`' = '\\'): string {
  const comments = statement.comments.map((comment) => `# ${comment}\n`);
  return `${comments.join('')}${printLine(statement, escape)}\n${statement.heredocs.map(printHeredoc).join('')}`;
}

function printLine(statement: Statement, escape: string): string {
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
  return keyword === 'env' || keyword === 'label' ? printPairs(args) : args;
}

/** Triples of key, value and separator. */
function printPairs(args: readonly string[]): readonly string[] {
  const pairs: string[] = [];
  for (let index = 0; index < args.length; index += 3)
    pairs.push(`${args[index] ?? ''}${args[index + 2] || ' '}${args[index + 1] ?? ''}`);
  return pairs;
}

/** Blanks, quotes and escapes in a flag were resolved: they have to be escaped again. */
function quoteFlag(text: string, escape: string): string {
  return text.replace(/[\s'"\\`]/g, (character) =>
    /[\s'"]/.test(character) || character === escape ? `${escape}${character}` : character,
  );
}

/** The `<<NAME` itself is among the arguments. */
function printHeredoc({ content, name }: Heredoc): string {
  return `${content}${name}\n`;
}
