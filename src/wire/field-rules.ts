/**
 * Rules for fields that came to Docker's API, or went, with a version. An answer is made with every field that some
 * version has, and a client is told those that its version has:
 *
 * ```ts
 * const told = fields<Volume>({ Size: since('1.30'), Owner: fields({ Mail: until('1.40') }) });
 * told(volume, apiVersion('1.45'));
 * ```
 *
 * A rule says what stands in a field's place; `undefined` is a field that is not there.
 */
import { isEmpty } from './go-json.ts';
import { type ApiVersion, apiVersion } from './versions.ts';

export type FieldRule<T, Owner = unknown> = (value: T, version: ApiVersion, owner: Owner) => unknown;

type FieldRules<T> = { readonly [K in keyof T]?: FieldRule<T[K], T> };

type Absent = null | undefined;

/** Not there before. */
export function since(first: string): FieldRule<unknown> {
  const from = apiVersion(first);
  return (value, version) => (version >= from ? value : undefined);
}

/** Not there from this version on. */
export function until(end: string): FieldRule<unknown> {
  const to = apiVersion(end);
  return (value, version) => (version < to ? value : undefined);
}

/** From this version on only there where it says something. */
export function omittedEmptySince(first: string): FieldRule<unknown> {
  const from = apiVersion(first);
  return (value, version) => (version >= from && isEmpty(value) ? undefined : value);
}

/** Before this version, something else stands in its place. */
export function differentUntil<T, Owner>(
  end: string,
  former: (value: T, owner: Owner) => unknown,
): FieldRule<T, Owner> {
  const to = apiVersion(end);
  return (value, version, owner) => (version < to ? former(value, owner) : value);
}

/** An object, some of whose fields have rules. */
export function fields<T extends object>(rules: FieldRules<T>): FieldRule<T | Absent> {
  return (owner, version) => {
    if (owner === null || owner === undefined) return owner;
    const told = new Map<string, unknown>(Object.entries(owner));
    for (const name in rules) {
      if (name in owner) told.set(name, rules[name]?.(owner[name], version, owner));
    }
    return Object.fromEntries(told);
  };
}

/** The elements of a list. */
export function each<T>(rule: FieldRule<T>): FieldRule<readonly T[] | Absent> {
  return (values, version) => values?.map((value) => rule(value, version, values)) ?? values;
}

/** The values of a map. */
export function eachValue<T>(rule: FieldRule<T>): FieldRule<Readonly<Record<string, T>> | Absent> {
  return (map, version) => {
    if (map === null || map === undefined) return map;
    const entries = Object.entries(map).map(([key, value]) => [key, rule(value, version, map)] as const);
    return Object.fromEntries(entries);
  };
}
