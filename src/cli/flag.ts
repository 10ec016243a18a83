import { UsageError } from './usage-error.ts';

/** What one flag of a command takes and means: the parser, the help and the completion read it. */
export interface Flag<Value = unknown> {
  /** As the help shows it after the name; empty for switches. */
  readonly type: string;
  readonly short?: string;
  readonly summary: string;
  /** The value where the flag is not given. */
  readonly initial: Value;
  /** As the help shows it, where it says something. */
  readonly shownDefault?: string;
  /** Other names, not shown. */
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  /** The variable whose value counts where the flag is not given. */
  readonly variable?: string;
  /** A switch takes a value only as `--flag=value`; alone it means this text. */
  readonly bare?: string;
  /** Adds one occurrence to what was given before. @throws {Error} saying what is wrong with `text` */
  add(before: Value, text: string): Value;
}

export interface FlagOptions {
  readonly short?: string;
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  readonly type?: string;
  readonly shownDefault?: string;
  readonly variable?: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** The values of a table of flags, by the table's own (camel case) names. */
export type FlagValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer Value> ? Value : never;
};

export function booleanFlag(
  summary: string,
  options: FlagOptions & { readonly initial?: boolean } = {},
): Flag<boolean> {
  const { initial = false, ...rest } = options;
  return {
    type: '',
    summary,
    initial,
    bare: 'true',
    ...(initial ? { shownDefault: 'true' } : {}),
    ...rest,
    add: (_, text) => parseBoolean(text),
  };
}

export function stringFlag(
  summary: string,
  options: FlagOptions & { readonly initial?: string } = {},
): Flag<string> {
  const { initial = '', ...rest } = options;
  const shown = initial === '' ? {} : { shownDefault: JSON.stringify(initial) };
  return { type: 'string', summary, initial, ...shown, ...rest, add: (_, text) => text };
}

export function listFlag(
  summary: string,
  options: FlagOptions & { readonly check?: (text: string) => string } = {},
): Flag<readonly string[]> {
  const { check = (text: string) => text, ...rest } = options;
  return { type: 'list', summary, initial: [], ...rest, add: (before, text) => [...before, check(text)] };
}

/** A list whose occurrences may each carry several values between commas. */
export function stringsFlag(summary: string, options: FlagOptions = {}): Flag<readonly string[]> {
  return {
    type: 'strings',
    summary,
    initial: [],
    ...options,
    add: (before, text) => [...before, ...text.split(',')],
  };
}

export function integerFlag(
  summary: string,
  options: FlagOptions & { readonly initial?: number } = {},
): Flag<number | undefined> {
  const { initial, ...rest } = options;
  const shown = initial === undefined ? {} : { shownDefault: String(initial) };
  return { type: 'int', summary, initial, ...shown, ...rest, add: (_, text) => parseInteger(text) };
}

/** Any other value: `parse` reads one occurrence. */
export function valueFlag<Value>(
  summary: string,
  parse: (text: string) => Value,
  options: FlagOptions = {},
): Flag<Value | undefined> {
  return { type: 'value', summary, initial: undefined, ...options, add: (_, text) => parse(text) };
}

/** Any other value that may be given several times. */
export function valuesFlag<Value>(
  summary: string,
  parse: (text: string) => Value,
  options: FlagOptions = {},
): Flag<readonly Value[]> {
  return { type: 'list', summary, initial: [], ...options, add: (before, text) => [...before, parse(text)] };
}

/** `key=value` pairs, the last of equal keys counting; a key alone is given an empty value. */
export function mapFlag(
  summary: string,
  options: FlagOptions & { readonly check?: (text: string) => string } = {},
): Flag<Readonly<Record<string, string>>> {
  const { check = (text: string) => text, ...rest } = options;
  return {
    type: 'map',
    summary,
    initial: {},
    shownDefault: 'map[]',
    ...rest,
    add: (before, text) => ({ ...before, ...pair(check(text)) }),
  };
}

/** `--filter name=value`, gathered by name. */
export function filterFlag(
  summary: string,
  options: FlagOptions = {},
): Flag<Readonly<Record<string, readonly string[]>>> {
  return {
    type: 'filter',
    summary,
    initial: {},
    ...options,
    add: (before, text) => {
      if (text === '') return before;
      const [name, value] = splitFilter(text);
      return { ...before, [name]: [...(before[name] ?? []), value] };
    },
  };
}

function splitFilter(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 0) throw new Error('bad format of filter (expected name=value)');
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

function pair(text: string): Record<string, string> {
  const equals = text.indexOf('=');
  return equals < 0 ? { [text]: '' } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

function parseBoolean(text: string): boolean {
  const value = BOOLEANS[text];
  if (value === undefined) throw new Error('expected true or false');
  return value;
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error('expected a whole number');
  return Number(text);
}

/** The command-line name of a flag of a table: `noTrunc` is `--no-trunc`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Complains about `text` as the value of a flag. */
export function badValue(text: string, name: string, flag: Flag, reason: string): UsageError {
  const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
  return new UsageError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${reason}`);
}
