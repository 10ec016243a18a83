/**
 * Quotes, escapes and variables as the Dockerfile reference, "Environment replacement", has them:
 * `$x`, `${x}`, `${x:-y}`, `${x-y}`, `:+`, `+`, `:?`, `?`, `#`, `##`, `%`, `%%`, `/`, `//`.
 */
import { EngineError, messageOf } from '#base/errors.ts';
import { invalid } from '../dockerfile-error.ts';
import { ShellLexer } from './shell-lexer.ts';

export type Variables = Pick<ReadonlyMap<string, string>, 'get' | 'has' | 'keys'>;

export interface ExpandOptions {
  /** The file's escape character; `\` where not given. */
  readonly escape?: '\\' | '`';
  readonly rawQuotes?: boolean;
  /** Keeps escape characters in the result. */
  readonly rawEscapes?: boolean;
  /** Quotes are characters like any other (heredoc bodies). */
  readonly ignoreQuotes?: boolean;
  /** `$x` stays `$x` where x is not set. */
  readonly keepUnset?: boolean;
}

export interface Expansion {
  readonly text: string;
  /** `text` split at unquoted blanks, those in values of unquoted variables included. */
  readonly words: readonly string[];
  readonly matched: ReadonlySet<string>;
  readonly unmatched: ReadonlySet<string>;
}

/** @throws {EngineError} `invalid`: unbalanced quotes or braces, an unknown modifier, `${x:?text}` without x */
export function expand(text: string, variables: Variables, options: ExpandOptions = {}): Expansion {
  const lexer = new ShellLexer(text, variables, options);
  try {
    const { text: result, words } = lexer.run();
    return { text: result, words, matched: lexer.matched, unmatched: lexer.unmatched };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalid(`failed to process ${JSON.stringify(shortened(text))}: ${messageOf(error)}`);
  }
}

function shortened(text: string): string {
  return text.length <= 1000 ? text : `${text.slice(0, 1000)}…`;
}
