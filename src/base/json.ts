/** Reading JSON of which nothing is known. What has a shape of its own is read by `oci/json-shape.ts`. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** True for objects; arrays are none. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of an object; none for anything else. */
export function fieldsOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The value that a text says; undefined for a text that is no JSON. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
