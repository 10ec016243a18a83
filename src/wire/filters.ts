/**
 * The query parameter `filters`: JSON, from the name of a filter to its values. Clients send
 * `{"label":{"a=b":true}}`, those of API 1.21 and older `{"label":["a=b"]}`.
 */
import { EngineError } from '#base/errors.ts';

export type Filters = ReadonlyMap<string, readonly string[]>;

export const NO_FILTERS: Filters = new Map();

/** @throws {EngineError} `invalid` if it is neither form */
export function parseFilters(text: string | null | undefined): Filters {
  if (!text) return NO_FILTERS;
  const parsed = parseObject(text);
  if (parsed === null) return NO_FILTERS;
  return new Map(Object.entries(parsed).map(([name, values]) => [name, valuesOf(values)]));
}

/** The form that every daemon since API 1.22 reads; empty for no filters. */
export function formatFilters(filters: Filters): string {
  if (filters.size === 0) return '';
  const entries = [...filters].map(([name, values]) => [
    name,
    Object.fromEntries(values.map((v) => [v, true])),
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** @throws {EngineError} `invalid` for a filter that the endpoint does not know */
export function checkFilters(filters: Filters, known: ReadonlySet<string>): void {
  for (const name of filters.keys()) {
    if (!known.has(name)) throw new EngineError('invalid', `invalid filter '${name}'`);
  }
}

/**
 * A filter that means yes or no.
 *
 * @returns undefined if it is not given
 * @throws {EngineError} `invalid` if its value is neither
 */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined) return undefined;
  const meanings = new Set(values.map((value) => BOOLEANS.get(value.toLowerCase())));
  const [meaning] = meanings;
  if (meanings.size !== 1 || meaning === undefined) {
    throw new EngineError('invalid', `invalid filter '${name}=[${values.join(' ')}]'`);
  }
  return meaning;
}

const BOOLEANS = new Map([
  ['1', true],
  ['true', true],
  ['t', true],
  ['0', false],
  ['false', false],
  ['f', false],
]);

/** True if `labels` carry every `key` or `key=value` of `wanted`. */
export function matchesLabels(
  wanted: readonly string[] | undefined,
  labels: Readonly<Record<string, string>> | null,
): boolean {
  if (wanted === undefined) return true;
  return wanted.every((pattern) => hasLabel(pattern, labels ?? {}));
}

/** True if no `key` or `key=value` of `unwanted` is carried. */
export function lacksLabels(
  unwanted: readonly string[] | undefined,
  labels: Readonly<Record<string, string>> | null,
): boolean {
  if (unwanted === undefined) return true;
  return !unwanted.some((pattern) => hasLabel(pattern, labels ?? {}));
}

function hasLabel(pattern: string, labels: Readonly<Record<string, string>>): boolean {
  const equals = pattern.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, pattern);
  const key = pattern.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === pattern.slice(equals + 1);
}

function parseObject(text: string): object | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return parsed;
  } catch (cause) {
    throw new EngineError('invalid', 'invalid filter', { cause });
  }
  throw new EngineError('invalid', 'invalid filter');
}

/** A value that is turned off, `{"running":false}`, counts as given: the daemon looks at the keys alone. */
function valuesOf(values: unknown): readonly string[] {
  if (values === null) return [];
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  if (typeof values !== 'object' || Array.isArray(values)) throw new EngineError('invalid', 'invalid filter');
  if (!Object.values(values).every((value) => typeof value === 'boolean')) {
    throw new EngineError('invalid', 'invalid filter');
  }
  return Object.keys(values);
}
