/** What is asked of lists, prunes and events: from the name of a filter to its values. */
import { EngineError } from './errors.ts';
import { resolveTimestamp } from './timestamps.ts';

export type Filters = ReadonlyMap<string, readonly string[]>;

export const NO_FILTERS: Filters = new Map();

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

/**
 * The `until` of a prune, in milliseconds since the epoch; undefined if it is not given.
 *
 * @throws {EngineError} `invalid`
 */
export function untilFilter(filters: Filters): number | undefined {
  const [value, ...more] = filters.get('until') ?? [];
  if (more.length > 0) throw new EngineError('invalid', 'more than one until filter specified');
  return value === undefined ? undefined : Number(resolveTimestamp(value) / 1_000_000n);
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
