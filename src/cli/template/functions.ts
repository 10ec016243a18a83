import { escapeHtml, writeJson } from './json-text.ts';
import { sprintf } from './printf.ts';
import { show } from './show.ts';
import { TemplateError } from './template-error.ts';
import { isList, isMap, isTrue, Row, type Value } from './value.ts';

export type TemplateFunction = (...values: readonly Value[]) => Value;

/** Go's own functions and those that Docker adds. `and` and `or` are the evaluator's: they stop early. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => (value instanceof Row ? rowJson(value) : writeJson(value)),
  split: (text, separator) => show(text).split(show(separator)),
  join: (list, separator) =>
    listOf(list, 'join')
      .map((each) => show(each))
      .join(show(separator)),
  title: (text) =>
    show(text).replaceAll(
      /(^|\s)(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (text) => show(text).toLowerCase(),
  upper: (text) => show(text).toUpperCase(),
  pad: (text, before, after) => padded(show(text), Number(before), Number(after)),
  truncate: (text, length) => show(text).slice(0, Number(length)),

  not: (value) => !isTrue(value),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(indexOnce, value),
  slice: (value, from = 0, to) => sliceOf(value, Number(from), to),
  print: (...values) => values.map((value) => show(value)).join(''),
  println: (...values) => `${values.map((value) => show(value)).join(' ')}\n`,
  printf: (format, ...values) => sprintf(show(format), values),
  urlquery: (text) => encodeURIComponent(show(text)),
  html: (text) => show(text).replaceAll(/[<>&"']/g, (letter) => `&#${letter.codePointAt(0)};`),
  js: (text) => show(text).replaceAll(/[\\'"<>&=]|\p{Cc}/gu, escapeJs),
  eq: (first, ...others) => others.some((other) => equal(first, other)),
  ne: (one, other) => !equal(one, other),
  lt: (one, other) => compare(one, other) < 0,
  le: (one, other) => compare(one, other) <= 0,
  gt: (one, other) => compare(one, other) > 0,
  ge: (one, other) => compare(one, other) >= 0,
};

const JS_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

/** As Go's JSEscapeString. */
function escapeJs(letter: string): string {
  const code = letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  return JS_ESCAPES[letter] ?? `\\u${code}`;
}

function padded(text: string, before: number, after: number): string {
  return text === '' ? '' : ' '.repeat(before) + text + ' '.repeat(after);
}

function listOf(value: Value, name: string): readonly Value[] {
  if (value === null || value === undefined) return [];
  if (!isList(value)) throw new TemplateError(`${name} wants a list`);
  return value;
}

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (value === null) return 0;
  throw new TemplateError('len wants a text, a list or a map');
}

function indexOnce(value: Value, key: Value): Value {
  if (isList(value)) {
    const at = Number(key);
    if (!(at >= 0 && at < value.length)) throw new TemplateError(`index out of range: ${show(key)}`);
    return value[at];
  }
  if (isMap(value)) return value[show(key)] ?? '';
  if (value === null) return '';
  throw new TemplateError('index wants a list or a map');
}

function sliceOf(value: Value, from: number, to: Value): Value {
  const end = to === undefined ? undefined : Number(to);
  if (typeof value === 'string' || isList(value)) return value.slice(from, end);
  throw new TemplateError('slice wants a text or a list');
}

function equal(one: Value, other: Value): boolean {
  const [left, right] = [basic(one), basic(other)];
  if (left !== null && right !== null && typeof left !== typeof right) throw incomparable();
  return left === right;
}

function compare(one: Value, other: Value): number {
  const [left, right] = [basic(one), basic(other)];
  if (left === null || right === null || typeof left !== typeof right || typeof left === 'boolean')
    throw incomparable();
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function basic(value: Value): string | number | boolean | null {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  throw incomparable();
}

function incomparable(): TemplateError {
  return new TemplateError('incompatible types for comparison');
}

export function rowJson(row: Row): string {
  return escapeHtml(writeJson(row));
}
