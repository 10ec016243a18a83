/**
 * Reading fields out of untrusted JSON. As Go's decoders do, null counts as absent and unknown fields are ignored;
 * what is there with a wrong type is refused.
 */
import { isObject, type JsonObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { structuralFault } from './json-structure.ts';

/** Names what is being read, for messages: `image configuration`. */
export class JsonShape {
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  refusal(state: string, cause?: unknown): EngineError {
    return new EngineError('invalid', `Cannot read ${this.#subject}: ${state}`, { cause });
  }

  /** @throws {EngineError} `invalid` if larger than `maximumBytes` or not a JSON object */
  parse(bytes: Buffer, maximumBytes: number): JsonObject {
    return this.object(this.parseAny(bytes, maximumBytes), 'it');
  }

  /**
   * The same for what others read, too, and must not read otherwise: no key may be there twice, nothing nested without
   * end.
   */
  parseUnambiguous(bytes: Buffer, maximumBytes: number): JsonObject {
    const value = this.parse(bytes, maximumBytes);
    const fault = structuralFault(bytes.toString());
    if (fault !== undefined) throw this.refusal(fault);
    return value;
  }

  parseAny(bytes: Buffer, maximumBytes: number): unknown {
    if (bytes.length > maximumBytes) throw this.refusal(`larger than ${maximumBytes} bytes`);
    try {
      return JSON.parse(bytes.toString());
    } catch (error) {
      throw this.refusal('not JSON', error);
    }
  }

  object(value: unknown, field: string): JsonObject {
    if (!isObject(value)) throw this.refusal(`${field} is not an object`);
    return value;
  }

  optionalObject(parent: JsonObject, field: string): JsonObject | undefined {
    const value = parent[field];
    return value === undefined || value === null ? undefined : this.object(value, field);
  }

  /** Empty where absent. */
  array(parent: JsonObject, field: string, maximumLength: number): readonly unknown[] {
    const value = parent[field] ?? [];
    if (!Array.isArray(value)) throw this.refusal(`${field} is not an array`);
    if (value.length > maximumLength) throw this.refusal(`${field} has more than ${maximumLength} items`);
    return value;
  }

  optionalString(parent: JsonObject, field: string): string | undefined {
    const value = parent[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw this.refusal(`${field} is not a string`);
    return value;
  }

  string(parent: JsonObject, field: string): string {
    const value = this.optionalString(parent, field);
    if (value === undefined) throw this.refusal(`${field} is missing`);
    return value;
  }

  optionalInteger(parent: JsonObject, field: string): number | undefined {
    const value = parent[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw this.refusal(`${field} is not an integer`);
    return value;
  }

  optionalBoolean(parent: JsonObject, field: string): boolean | undefined {
    const value = parent[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw this.refusal(`${field} is not a boolean`);
    return value;
  }

  /** Old images have a plain string where an array belongs; null among the items is an empty text, as in Go. */
  optionalStrings(parent: JsonObject, field: string, maximumLength: number): readonly string[] | undefined {
    const value = parent[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return [value];
    const items = this.array(parent, field, maximumLength).map((item) => item ?? '');
    if (!items.every((item) => typeof item === 'string'))
      throw this.refusal(`${field} is not an array of strings`);
    return items;
  }

  /** Null among the values is an empty text, as in Go. */
  optionalStringMap(parent: JsonObject, field: string): Readonly<Record<string, string>> | undefined {
    const value = this.optionalObject(parent, field);
    if (!value) return undefined;
    const entries = Object.entries(value).map(([key, value]): [string, string] => {
      const item = value ?? '';
      if (typeof item !== 'string') throw this.refusal(`${field} has a value that is not a string`);
      return [key, item];
    });
    return Object.fromEntries(entries);
  }
}
