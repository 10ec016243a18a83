/** The lexer behind `expand`: one pass over the text, nested only inside `${…}`. */
import { invalid } from '../dockerfile-error.ts';
import type { ExpandOptions, Variables } from './expand.ts';
import { parseShellPattern, replaceMatches, trimPrefix, trimSuffix } from './shell-pattern.ts';
import { WordList } from './word-list.ts';

/** Deeper than any person nests `${a:-${b:-…}}`; keeps hostile input off the call stack. */
const MAXIMUM_DEPTH = 100;
/** Longer than any environment the kernel passes to a program; keeps doubling variables out of the heap. */
const MAXIMUM_LENGTH = 16 * 1024 * 1024;

const NAME = /\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*/uy;

interface Piece {
  readonly text: string;
  readonly words: readonly string[];
}

const MISSING_BRACE = "syntax error: missing '}'";

export class ShellLexer {
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  readonly #text: string;
  readonly #variables: Variables;
  readonly #options: ExpandOptions;
  readonly #escape: string;
  #rawEscapes: boolean;
  #offset = 0;
  #depth = 0;
  #produced = 0;

  constructor(text: string, variables: Variables, options: ExpandOptions) {
    this.#text = text;
    this.#variables = variables;
    this.#options = options;
    this.#escape = options.escape ?? '\\';
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  run(): Piece {
    return this.#until(undefined);
  }

  get #next(): string | undefined {
    return this.#text[this.#offset];
  }

  #take(): string | undefined {
    const character = this.#text[this.#offset];
    if (character !== undefined) this.#offset += 1;
    return character;
  }

  /** Up to the unquoted `stop`, which is consumed, or the end of the text. */
  #until(stop: string | undefined): Piece {
    const words = new WordList();
    let result = '';
    for (let next = this.#next; next !== undefined; next = this.#next) {
      if (next === stop) {
        this.#offset += 1;
        return { text: result, words: words.finish() };
      }
      result += this.#element(next, words);
    }
    if (stop !== undefined) throw invalid(`unexpected end of statement while looking for matching ${stop}`);
    return { text: result, words: words.finish() };
  }

  #element(next: string, words: WordList): string {
    if (next === '$') {
      const value = this.#dollar();
      words.add(value);
      return value;
    }
    if (next === '<') return quotedInto(words, this.#possibleHeredoc());
    const quotes = this.#options.ignoreQuotes !== true;
    if (quotes && next === "'") return quotedInto(words, this.#singleQuoted());
    if (quotes && next === '"') return quotedInto(words, this.#doubleQuoted());
    this.#offset += 1;
    if (next === this.#escape) return quotedInto(words, this.#escaped(next));
    words.add(next);
    return next;
  }

  /** The escape character is consumed already; at the end of the text it stands for nothing. */
  #escaped(escape: string): string {
    return `${this.#rawEscapes ? escape : ''}${this.#takeCodePoint()}`;
  }

  #takeCodePoint(): string {
    const code = this.#text.codePointAt(this.#offset);
    if (code === undefined) return '';
    const character = String.fromCodePoint(code);
    this.#offset += character.length;
    return character;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#offset + 1);
    if (end < 0) throw invalid('unexpected end of statement while looking for matching single-quote');
    const content = this.#text.slice(this.#offset + 1, end);
    this.#offset = end + 1;
    return this.#options.rawQuotes === true ? `'${content}'` : content;
  }

  #doubleQuoted(): string {
    const quote = this.#options.rawQuotes === true ? '"' : '';
    let result = quote;
    this.#offset += 1;
    for (let next = this.#next; next !== '"'; next = this.#next) {
      if (next === undefined)
        throw invalid('unexpected end of statement while looking for matching double-quote');
      if (next === '$') result += this.#dollar();
      else {
        this.#offset += 1;
        result += next === this.#escape ? this.#escapedInQuotes(next) : next;
      }
    }
    this.#offset += 1;
    return result + quote;
  }

  /** Only `"`, `$` and the escape character itself can be escaped in double quotes. */
  #escapedInQuotes(escape: string): string {
    const raw = this.#rawEscapes ? escape : '';
    const next = this.#next;
    if (next === undefined) return raw;
    if (next !== '"' && next !== '$' && next !== this.#escape) return raw + escape;
    this.#offset += 1;
    return raw + next;
  }

  /** Blanks between `<<` and the name belong to one word. */
  #possibleHeredoc(): string {
    this.#offset += 1;
    if (this.#next !== '<') return '<';
    this.#offset += 1;
    let result = '<<';
    for (let next = this.#next; next === ' ' || next === '\t' || next === '\r'; next = this.#next) {
      result += next;
      this.#offset += 1;
    }
    return result;
  }

  #dollar(): string {
    this.#offset += 1;
    const value = this.#next === '{' ? this.#braced() : this.#plain();
    this.#produced += value.length;
    if (this.#produced > MAXIMUM_LENGTH) throw invalid(`result is longer than ${MAXIMUM_LENGTH} characters`);
    return value;
  }

  #plain(): string {
    const name = this.#name();
    if (name === '') return '$';
    return this.#lookup(name) ?? (this.#options.keepUnset === true ? `$${name}` : '');
  }

  #braced(): string {
    this.#offset += 1;
    const first = this.#next;
    if (first === undefined) throw invalid(MISSING_BRACE);
    if (first === '{' || first === '}' || first === ':') throw invalid('syntax error: bad substitution');
    const name = this.#name();
    const modifier = this.#take();
    if (modifier === '}') {
      return this.#lookup(name) ?? (this.#options.keepUnset === true ? `\${${name}}` : '');
    }
    if (modifier === '/') return this.#replaced(name);
    if (modifier === ':') return this.#modified(name, this.#take(), true);
    return this.#modified(name, modifier, false);
  }

  #modified(name: string, modifier: string | undefined, emptyIsUnset: boolean): string {
    const shown = `${emptyIsUnset ? ':' : ''}${modifier ?? ''}`;
    const isTrim = modifier === '#' || modifier === '%';
    if (modifier === undefined) throw invalid(MISSING_BRACE);
    if (!'+-?#%'.includes(modifier) || (emptyIsUnset && isTrim))
      throw invalid(`unsupported modifier (${shown}) in substitution`);
    const word = this.#nested('}', isTrim, MISSING_BRACE);
    const value = this.#lookup(name);
    if (value === undefined && this.#options.keepUnset === true) return `\${${name}${shown}${word}}`;
    const isSet = value !== undefined && !(emptyIsUnset && value === '');
    if (modifier === '-') return isSet ? value : word;
    if (modifier === '+') return isSet ? word : '';
    if (modifier === '?') return isSet ? value : failUnset(name, value, word);
    return trimmed(modifier, word, value ?? '');
  }

  #replaced(name: string): string {
    const all = this.#next === '/';
    if (all) this.#offset += 1;
    const pattern = this.#nested('/', true, "syntax error: missing '/' in ${}");
    const replacement = this.#nested('}', true, MISSING_BRACE);
    const value = this.#lookup(name);
    if (value === undefined && this.#options.keepUnset === true)
      return `\${${name}/${pattern}/${replacement}}`;
    return replaceMatches(parseShellPattern(pattern), value ?? '', replacement, all);
  }

  #nested(stop: string, rawEscapes: boolean, missing: string): string {
    if (this.#depth >= MAXIMUM_DEPTH) throw invalid('syntax error: ${} nested too deeply');
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    this.#depth += 1;
    try {
      return this.#until(stop).text;
    } catch (error) {
      throw this.#next === undefined ? invalid(missing) : error;
    } finally {
      this.#depth -= 1;
      this.#rawEscapes = outer;
    }
  }

  #name(): string {
    NAME.lastIndex = this.#offset;
    const name = NAME.exec(this.#text)?.[0] ?? '';
    this.#offset += name.length;
    return name;
  }

  #lookup(name: string): string | undefined {
    const value = this.#variables.get(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }
}

function quotedInto(words: WordList, text: string): string {
  words.addQuoted(text);
  return text;
}

function failUnset(name: string, value: string | undefined, message: string): never {
  const state = value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
  throw invalid(`${name}: ${message === '' ? state : message}`);
}

/** A doubled `#` or `%` asks for the longest match. */
function trimmed(modifier: string, word: string, value: string): string {
  const longest = word.startsWith(modifier);
  const pattern = parseShellPattern(longest ? word.slice(1) : word);
  return modifier === '%' ? trimSuffix(pattern, value, longest) : trimPrefix(pattern, value, longest);
}
