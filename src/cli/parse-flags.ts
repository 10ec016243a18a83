import { badValue, type Flag, flagName, type Flags, type FlagValues } from './flag.ts';
import { nearest } from './suggest.ts';
import { UsageError } from './usage-error.ts';

export interface ParsedLine<Table> {
  readonly values: FlagValues<Table>;
  /** The flags that were given, by their keys in the table. */
  readonly given: ReadonlySet<string>;
  readonly rest: readonly string[];
  /** `--help` or, where no flag of the command has that letter, `-h`: nothing else was read. */
  readonly help: boolean;
}

export interface ParseOptions {
  /** False: the first operand ends the flags (`run IMAGE -x` hands `-x` to the container). */
  readonly interspersed: boolean;
  /** Where flags that name a variable find it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a command line as Docker's (pflag) does: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value`,
 * switches combined in one word, `--` as the end of flags.
 *
 * @throws {UsageError} for unknown flags and values that do not fit
 */
export function parseFlags<Table extends Flags>(
  table: Table,
  words: readonly string[],
  options: ParseOptions,
): ParsedLine<Table> {
  return new FlagParser(table, words, options).parse();
}

class FlagParser<Table extends Flags> {
  readonly #table: Flags;
  readonly #words: readonly string[];
  readonly #options: ParseOptions;
  readonly #long = new Map<string, string>();
  readonly #short = new Map<string, string>();
  readonly #values = new Map<string, unknown>();
  readonly #given = new Set<string>();
  readonly #rest: string[] = [];
  #at = 0;
  #help = false;

  constructor(table: Table, words: readonly string[], options: ParseOptions) {
    this.#table = table;
    this.#words = words;
    this.#options = options;
    for (const [key, flag] of Object.entries(table)) {
      this.#values.set(key, flag.initial);
      for (const name of [flagName(key), ...(flag.aliases ?? [])]) this.#long.set(name, key);
      if (flag.short !== undefined) this.#short.set(flag.short, key);
    }
  }

  parse(): ParsedLine<Table> {
    while (this.#at < this.#words.length && !this.#help) {
      const word = this.#words[this.#at++] ?? '';
      if (word === '--') this.#takeRest();
      else if (word.startsWith('--')) this.#longFlag(word.slice(2));
      else if (word.startsWith('-') && word !== '-') this.#shortFlags(word);
      else this.#operand(word);
    }
    if (!this.#help) this.#takeVariables();
    const entries: readonly (readonly unknown[])[] = [...this.#values];
    const values: FlagValues<Table> = Object.fromEntries(entries);
    return { values, given: this.#given, rest: this.#rest, help: this.#help };
  }

  #takeVariables(): void {
    for (const [key, { variable }] of Object.entries(this.#table)) {
      const text = variable === undefined ? '' : this.#options.environment?.[variable];
      if (text && !this.#given.has(key))
        this.#values.set(key, this.#flag(key).add(this.#values.get(key), text));
    }
  }

  #operand(word: string): void {
    this.#rest.push(word);
    if (!this.#options.interspersed) this.#takeRest();
  }

  #takeRest(): void {
    this.#rest.push(...this.#words.slice(this.#at));
    this.#at = this.#words.length;
  }

  #longFlag(word: string): void {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const key = this.#long.get(name);
    if (key === undefined) {
      if (name === 'help') this.#help = true;
      else throw unknownFlag(`unknown flag: --${name}`, name, this.#long.keys());
      return;
    }
    const flag = this.#flag(key);
    if (equals >= 0) this.#set(key, word.slice(equals + 1));
    else this.#set(key, flag.bare ?? this.#nextWord(`flag needs an argument: --${name}`));
  }

  #shortFlags(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      const key = this.#short.get(letter);
      if (key === undefined) {
        if (letter !== 'h') throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
        this.#help = true;
        return;
      }
      const after = word.slice(at + 1);
      const { bare } = this.#flag(key);
      if (after.startsWith('=')) return this.#set(key, after.slice(1));
      if (bare === undefined) {
        return this.#set(key, after || this.#nextWord(`flag needs an argument: '${letter}' in ${word}`));
      }
      this.#set(key, bare);
    }
  }

  #nextWord(complaint: string): string {
    const word = this.#words[this.#at++];
    if (word === undefined) throw new UsageError(complaint);
    return word;
  }

  #set(key: string, text: string): void {
    const flag = this.#flag(key);
    try {
      this.#values.set(key, flag.add(this.#values.get(key), text));
    } catch (error) {
      throw badValue(text, flagName(key), flag, error instanceof Error ? error.message : String(error));
    }
    this.#given.add(key);
  }

  #flag(key: string): Flag {
    const flag = this.#table[key];
    if (!flag) throw new TypeError(`no flag ${key}`);
    return flag;
  }
}

function unknownFlag(message: string, name: string, known: Iterable<string>): UsageError {
  const [close] = nearest(name, known);
  return new UsageError(close === undefined ? message : `${message}\nDid you mean --${close}?`);
}
