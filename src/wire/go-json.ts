/**
 * JSON as Go's `encoding/json` reads it, since that is what Docker's clients were written against: keys match in any
 * case, unknown keys are ignored, `null` leaves a value at its zero, and errors carry Go's texts.
 *
 * A {@link Decoder} is a description of a Go type; {@link struct} combines them. The type of a wire's object is that of
 * its decoder ({@link Decoded}), so that both are written once.
 */
import { isObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';

/** Where in a document a value stands, as Go tells it: the innermost struct and the path of fields. */
export interface Place {
  readonly struct: string;
  readonly path: string;
}

export interface Decoder<T> {
  /** Go's name of the type, for errors. */
  readonly type: string;
  /** The value of what is absent or null. */
  zero(): T;
  /** @throws {EngineError} `invalid` */
  decode(value: unknown, place: Place): T;
}

export interface StructDecoder<T> extends Decoder<T> {
  /** The names of all fields, those that may be left out included. */
  readonly fieldNames: readonly string[];
}

/** What a decoder reads. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

/** A field that may be left out. */
interface OptionalField<T> {
  readonly decoder: Decoder<T | null>;
  /** Where it is: absent or null; with `omit-empty` also where it has a zero value. */
  readonly absent: 'omit' | 'omit-empty';
}

/** A decoder alone is a field that is always there; its zero where nothing was sent. */
type Field = Decoder<unknown> | OptionalField<unknown>;

/** Refers to itself, since a plain record would have the compiler expect `unknown` of every field. */
type Fields<F> = { readonly [K in keyof F]: Field };

type OptionalNames<F> = { [K in keyof F]: F[K] extends OptionalField<unknown> ? K : never }[keyof F];

/** The struct that fields make. */
type StructOf<F> = Flat<
  { readonly [K in Exclude<keyof F, OptionalNames<F>>]: Decoded<F[K]> } & {
    readonly [K in OptionalNames<F>]?: F[K] extends OptionalField<infer T> ? T : never;
  }
>;

type Flat<T> = { readonly [K in keyof T]: T[K] };

/** Left out where nothing was sent: a Go pointer. */
export function optional<T>(decoder: Decoder<T>): OptionalField<T> {
  return { decoder, absent: 'omit' };
}

/** Left out where nothing or a zero was sent: Go's `omitempty`. */
export function omitEmpty<T>(decoder: Decoder<T | null>): OptionalField<T> {
  return { decoder, absent: 'omit-empty' };
}

export const string: Decoder<string> = {
  type: 'string',
  zero: () => '',
  decode: (value, place) => (typeof value === 'string' ? value : mismatch(value, place, 'string')),
};

export const boolean: Decoder<boolean> = {
  type: 'bool',
  zero: () => false,
  decode: (value, place) => (typeof value === 'boolean' ? value : mismatch(value, place, 'bool')),
};

/** `int64`. Above 2^53 the nearest number that JavaScript has. */
export const integer: Decoder<number> = wholeNumber('int64', -(2 ** 63), 2 ** 63);

/** `uint`. */
export const unsigned: Decoder<number> = wholeNumber('uint', 0, 2 ** 64);

/** `uint64`. */
export const unsigned64: Decoder<number> = wholeNumber('uint64', 0, 2 ** 64);

/** `uint16`. */
export const unsigned16: Decoder<number> = wholeNumber('uint16', 0, 0xffff);

/** Any JSON object, kept as it is. */
export const object: Decoder<object> = {
  type: 'map[string]interface {}',
  zero: () => ({}),
  decode: (value, place) => (isObject(value) ? value : mismatch(value, place, object.type)),
};

/** A Go slice: null where nothing was sent. */
export function slice<T>(element: Decoder<T>): Decoder<readonly T[] | null> {
  const type = `[]${element.type}`;
  return {
    type,
    zero: () => null,
    decode: (value, place) =>
      Array.isArray(value)
        ? value.map((item) => decodeOr(item, element, place))
        : mismatch(value, place, type),
  };
}

/** A list of strings that may also be written as one string (`Cmd`, `Entrypoint`). */
export const stringOrSlice: Decoder<readonly string[] | null> = {
  type: 'string',
  zero: () => null,
  decode: (value, place) => {
    if (typeof value === 'string') return [value];
    if (!Array.isArray(value)) return mismatch(value, place, 'string');
    return value.map((item) => (typeof item === 'string' ? item : mismatch(value, place, 'string')));
  },
};

/** A Go map with string keys: null where nothing was sent. */
export function map<T>(element: Decoder<T>): Decoder<Readonly<Record<string, T>> | null> {
  const type = `map[string]${element.type}`;
  return {
    type,
    zero: () => null,
    decode: (value, place) => {
      if (!isObject(value)) return mismatch(value, place, type);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, decodeOr(item, element, place)]),
      );
    },
  };
}

/** A Go pointer that stays visible: null where nothing was sent. */
export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  return { type: decoder.type, zero: () => null, decode: (value, place) => decoder.decode(value, place) };
}

/** Another zero, where the wire's is not what the engine works with. */
export function withZero<T>(decoder: Decoder<T | null>, zero: () => NoInfer<T>): Decoder<T> {
  return { type: decoder.type, zero, decode: (value, place) => decoder.decode(value, place) ?? zero() };
}

/** One of a fixed set of strings, `zero` for none; `describe` words the error, as Docker does. */
export function oneOf<const T extends string, const Z extends string>(
  values: readonly T[],
  zero: Z,
  describe: (value: string) => string,
): Decoder<T | Z> {
  return {
    type: 'string',
    zero: () => zero,
    decode: (value, place) => {
      const text = string.decode(value, place);
      if (text === '') return zero;
      const found = values.find((candidate) => candidate === text);
      if (found === undefined) throw new EngineError('invalid', describe(text));
      return found;
    },
  };
}

/** A Go array of fixed length: what is missing is zero, what is too much is dropped. */
export const pair: Decoder<readonly [number, number]> = {
  type: '[2]uint',
  zero: () => [0, 0],
  decode: (value, place) => {
    if (!Array.isArray(value)) return mismatch(value, place, '[2]uint');
    return [decodeOr(value[0], unsigned, place), decodeOr(value[1], unsigned, place)];
  },
};

/** A Go struct. `name` is Go's name of it, for errors. */
export function struct<F extends Fields<F>>(name: string, fields: F): StructDecoder<StructOf<F>> {
  const list = Object.entries<Field>(fields);
  const byFoldedName = new Map(list.map(([field]) => [field.toLowerCase(), field]));
  const decodeFields = (value: object, path: string): StructOf<F> => {
    const sent = new Map(
      Object.entries(value).map(([key, item]) => [byFoldedName.get(key.toLowerCase()), item]),
    );
    const decoded: [string, unknown][] = [];
    for (const [field, described] of list) {
      const { decoder, absent } = 'decoder' in described ? described : { decoder: described, absent: 'zero' };
      const item: unknown = sent.get(field);
      const missing = item === undefined || item === null;
      if (missing && absent !== 'zero') continue;
      const place = { struct: name, path: path === '' ? field : `${path}.${field}` };
      const result = missing ? decoder.zero() : decoder.decode(item, place);
      if (absent !== 'omit-empty' || !isEmpty(result)) decoded.push([field, result]);
    }
    const whole: object = Object.fromEntries(decoded);
    assertStruct(whole, fields);
    return whole;
  };
  return {
    type: name,
    fieldNames: list.map(([field]) => field),
    zero: () => decodeFields({}, ''),
    decode: (value, place) =>
      isObject(value) ? decodeFields(value, place.path) : mismatch(value, place, name),
  };
}

/** Decodes a document that was parsed already, or the part of one at `place`. @throws {EngineError} `invalid` */
export function decodeStruct<T>(value: unknown, decoder: Decoder<T>, place: Place = ROOT): T {
  return decodeOr(value, decoder, place);
}

const ROOT: Place = { struct: '', path: '' };

/**
 * Parses a request's body.
 *
 * @returns undefined for an empty body
 * @throws {EngineError} `invalid`, with Go's text where there is one
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', syntaxError(text, cause), { cause });
  }
}

function decodeOr<T>(value: unknown, decoder: Decoder<T>, place: Place): T {
  return value === undefined || value === null ? decoder.zero() : decoder.decode(value, place);
}

/** Each of the fields has put a value of its type there. */
function assertStruct<F>(_decoded: object, _fields: F): asserts _decoded is StructOf<F> {}

function wholeNumber(type: string, minimum: number, maximum: number): Decoder<number> {
  return {
    type,
    zero: () => 0,
    decode: (value, place) => {
      if (typeof value !== 'number') return mismatch(value, place, type);
      if (!Number.isInteger(value) || value < minimum || value > maximum) {
        return mismatch(value, place, type, `number ${value}`);
      }
      return value;
    },
  };
}

/** True for what Go's `omitempty` leaves out. */
export function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === '' || value === 0 || value === false || value === null;
}

function mismatch(value: unknown, place: Place, type: string, kind = kindOf(value)): never {
  const target = place.path === '' ? 'value' : `struct field ${place.struct}.${place.path}`;
  throw new EngineError(
    'invalid',
    `invalid JSON: json: cannot unmarshal ${kind} into Go ${target} of type ${type}`,
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Go's words for V8's errors, so that people find them. */
const SYNTAX: readonly (readonly [pattern: RegExp, context: string])[] = [
  [/property name/, 'looking for beginning of object key string'],
  [/after property value/, 'after object key:value pair'],
  [/after property name/, 'after object key'],
  [/after array element/, 'after array element'],
  [/control character/, 'in string literal'],
  [/escape/, 'in string escape code'],
  [/Unexpected token/, 'looking for beginning of value'],
];

function syntaxError(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = /position (\d+)/.exec(message)?.[1];
  const atEnd = position !== undefined && Number(position) >= text.length;
  if (atEnd || /end of JSON input|Unterminated/.test(message)) return 'invalid JSON: unexpected EOF';
  if (/after JSON/.test(message)) return 'unexpected content after JSON';
  const found =
    /Unexpected token '(.+?)',/su.exec(message)?.[1] ?? (position && text.charAt(Number(position)));
  const context = literalContext(text, found ?? '') ?? SYNTAX.find(([pattern]) => pattern.test(message))?.[1];
  if (context === undefined || !found) return `invalid JSON: ${message}`;
  return `invalid JSON: invalid character ${quoteCharacter(found)} ${context}`;
}

/** What Go says where a word begins as one of JSON's and goes on as none. */
function literalContext(text: string, found: string): string | undefined {
  for (const [, word = ''] of text.matchAll(/(?:^|[[:,\s])([a-z]+)/g)) {
    const literal = ['true', 'false', 'null'].find((known) => known.startsWith(word.charAt(0)));
    if (literal === undefined || word.startsWith(literal)) continue;
    let end = 0;
    while (word.charAt(end) === literal.charAt(end)) end++;
    if (word.charAt(end) === found) return `in literal ${literal} (expecting '${literal.charAt(end)}')`;
  }
  return undefined;
}

function quoteCharacter(character: string): string {
  if (character === "'") return "'\\''";
  return `'${JSON.stringify(character)
    .slice(1, -1)
    .replace(/^\\u00/, '\\x')}'`;
}
