/**
 * Words of a Dockerfile instruction: quotes, backslashes and `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}`
 * (Docker's reference, "Environment replacement").
 */
import { EngineError } from '#base/errors.ts';

export type Environment = ReadonlyMap<string, string>;

/** Splits at blanks that are not quoted; quotes and backslashes stay for {@link expandWord}. */
export function splitWords(text: string): readonly string[] {
  return text.match(/(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s\\]|\\$)+/gs) ?? [];
}

/** Removes quotes and replaces variables. @throws {EngineError} `invalid` for a quote or brace without its end */
export function expandWord(word: string, environment: Environment): string {
  return new WordExpansion(word, environment).run();
}

/** `NAME=value NAME="two words"`, or in the old form `NAME the rest`. */
export function parsePairs(
  instruction: string,
  text: string,
  environment: Environment,
): readonly (readonly [name: string, value: string])[] {
  const words = splitWords(text);
  const [first = ''] = words;
  if (!first.includes('=')) return [oldPair(instruction, text, environment)];
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0)
      throw new EngineError(
        'invalid',
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return [expandWord(word.slice(0, equals), environment), expandWord(word.slice(equals + 1), environment)];
  });
}

function oldPair(instruction: string, text: string, environment: Environment): readonly [string, string] {
  const match = /^(\S+)\s+(\S.*)$/s.exec(text);
  if (!match) throw new EngineError('invalid', `${instruction} must have two arguments`);
  return [expandWord(match[1] ?? '', environment), expandWord(match[2] ?? '', environment)];
}

class WordExpansion {
  readonly #word: string;
  readonly #environment: Environment;
  #at = 0;
  #result = '';

  constructor(word: string, environment: Environment) {
    this.#word = word;
    this.#environment = environment;
  }

  run(): string {
    while (this.#at < this.#word.length) this.#step(false);
    return this.#result;
  }

  #step(isQuoted: boolean): void {
    const character = this.#word.charAt(this.#at);
    if (character === '\\') this.#escape(isQuoted);
    else if (character === '$') this.#variable();
    else if (character === "'" && !isQuoted) this.#singleQuotes();
    else if (character === '"' && !isQuoted) this.#doubleQuotes();
    else this.#literal(character);
  }

  #literal(text: string): void {
    this.#result += text;
    this.#at++;
  }

  /** In double quotes a backslash stays before what it does not escape. */
  #escape(isQuoted: boolean): void {
    const next = this.#word.charAt(++this.#at);
    const isKept = isQuoted && !'"$\\'.includes(next);
    this.#literal((isKept ? '\\' : '') + next);
  }

  #singleQuotes(): void {
    const end = this.#word.indexOf("'", this.#at + 1);
    if (end < 0) throw this.#unterminated('quoted string');
    this.#result += this.#word.slice(this.#at + 1, end);
    this.#at = end + 1;
  }

  #doubleQuotes(): void {
    this.#at++;
    while (this.#word.charAt(this.#at) !== '"') {
      if (this.#at >= this.#word.length) throw this.#unterminated('quoted string');
      this.#step(true);
    }
    this.#at++;
  }

  #variable(): void {
    const rest = this.#word.slice(this.#at);
    const plain = /^\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/.exec(rest);
    if (plain) return this.#replace(plain[0], this.#environment.get(plain[1] ?? '') ?? '');
    if (!rest.startsWith('${')) return this.#literal('$');
    const braced = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\}/.exec(rest);
    if (!braced) throw this.#unterminated('variable');
    const [whole, name = '', operator, word = ''] = braced;
    return this.#replace(whole, this.#substitute(name, operator, word));
  }

  #substitute(name: string, operator: string | undefined, word: string): string {
    const value = this.#environment.get(name) ?? '';
    if (operator === '-' && value === '') return expandWord(word, this.#environment);
    if (operator === '+') return value === '' ? '' : expandWord(word, this.#environment);
    return value;
  }

  #replace(source: string, value: string): void {
    this.#result += value;
    this.#at += source.length;
  }

  #unterminated(what: string): EngineError {
    return new EngineError(
      'invalid',
      `failed to process ${JSON.stringify(this.#word)}: unexpected end of ${what}`,
    );
  }
}
