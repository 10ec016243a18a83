/**
 * `builder` of the configuration file: dockerd's `{"gc": {"enabled": true, "defaultKeepStorage": "20GB", "policy":
 * […]}}`.
 */
import { isObject, type JsonObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import type { CacheBudget, CachePolicy } from '#build/disk/cache-budget.ts';
import { cacheSelection } from '#build/disk/cache-filters.ts';
import type { Filters } from '#base/filters.ts';

/** Undefined where nothing is said. @throws {EngineError} `invalid` */
export function cacheBudget(builder: unknown): CacheBudget | undefined {
  const { gc } = objectOf(builder, 'builder');
  if (gc === undefined) return undefined;
  const { enabled = true, policy, ...sizes } = objectOf(gc, 'builder.gc');
  if (typeof enabled !== 'boolean') throw refusal('builder.gc.enabled', 'true or false expected');
  const { defaultMaxUsedSpace, defaultReservedSpace, defaultKeepStorage } = sizes;
  const keep = defaultMaxUsedSpace ?? defaultReservedSpace ?? defaultKeepStorage;
  const keepBytes = sizeOf(keep, 'builder.gc.defaultKeepStorage');
  return {
    enabled,
    ...(keepBytes !== undefined && { keepBytes }),
    ...(policy !== undefined && { policies: policiesOf(policy) }),
  };
}

function policiesOf(policy: unknown): readonly CachePolicy[] {
  if (!Array.isArray(policy)) throw refusal('builder.gc.policy', 'a list expected');
  return policy.map(policyOf);
}

function policyOf(value: unknown): CachePolicy {
  const { all = false, filter, ...sizes } = objectOf(value, 'builder.gc.policy');
  if (typeof all !== 'boolean') throw refusal('builder.gc.policy.all', 'true or false expected');
  const { maxUsedSpace, reservedSpace, keepStorage } = sizes;
  const keepBytes = sizeOf(maxUsedSpace ?? reservedSpace ?? keepStorage, 'builder.gc.policy.keepStorage');
  const filters = filtersOf(filter);
  // What is wrong with them is said at the start, not after a build.
  cacheSelection(filters);
  return { filters, all, ...(keepBytes !== undefined && { keepBytes }) };
}

/** `["unused-for=48h", "type=regular"]`, or dockerd's `{"unused-for": {"48h": true}}`. */
function filtersOf(filter: unknown): Filters {
  if (filter === undefined || filter === null) return new Map();
  if (Array.isArray(filter)) return new Map(grouped(filter.map(pairOf)));
  const names = Object.entries(objectOf(filter, 'builder.gc.policy.filter'));
  return new Map(names.map(([name, values]) => [name, Object.keys(objectOf(values, `filter ${name}`))]));
}

function pairOf(text: unknown): readonly [string, string] {
  const [, name, value] = typeof text === 'string' ? (/^([^=]+?)==?(.*)$/.exec(text) ?? []) : [];
  if (name === undefined || value === undefined)
    throw refusal('builder.gc.policy.filter', 'texts such as "unused-for=48h" expected');
  return [name, value];
}

function grouped(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of pairs) groups.set(name, [...(groups.get(name) ?? []), value]);
  return groups;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `20GB`, or bytes as a number; units are decimal. */
function sizeOf(value: unknown, name: string): number | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const [, digits, unit = ''] =
    typeof value === 'string' ? (/^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(value) ?? []) : [];
  if (digits === undefined) throw refusal(name, 'a size such as "20GB" expected');
  return Math.floor(Number(digits) * (UNITS[unit.toLowerCase()] ?? 1));
}

function objectOf(value: unknown, name: string): JsonObject {
  if (value === undefined) return {};
  if (isObject(value)) return value;
  throw refusal(name, 'an object expected');
}

function refusal(name: string, state: string): EngineError {
  return new EngineError('invalid', `Cannot use ${name}: ${state}`);
}
