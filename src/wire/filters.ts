/**
 * The query parameter `filters`: JSON, from the name of a filter to its values. Clients send
 * `{"label":{"a=b":true}}`, those of API 1.21 and older `{"label":["a=b"]}`.
 */
import { isObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { type Filters, NO_FILTERS } from '#base/filters.ts';

/** @throws {EngineError} `invalid` if it is neither form */
export function parseFilters(text: string | null | undefined): Filters {
  if (!text) return NO_FILTERS;
  const parsed = parseObject(text);
  if (parsed === null) return NO_FILTERS;
  return new Map(Object.entries(parsed).map(([name, values]) => [name, valuesOf(values)]));
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
  if (!isObject(values) || !Object.values(values).every((value) => typeof value === 'boolean'))
    throw new EngineError('invalid', 'invalid filter');
  return Object.keys(values);
}
