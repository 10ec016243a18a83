/**
 * What a template may meet: JSON, and {@link Row} for the objects that have fields made for showing. Field names
 * absent from JSON are {@link Missing}: false in a condition and `null` as JSON, an error where they are shown.
 */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Row
  | Missing
  | readonly Value[]
  | { readonly [name: string]: Value };

export type RowFields = Readonly<Record<string, () => Value>>;

/** A row of a list as Docker's formats see it: fields computed when they are asked for. */
export class Row {
  readonly fields: RowFields;
  /** Fields that take an argument: `{{.Label "a"}}`. */
  readonly methods: Readonly<Record<string, (argument: string) => Value>>;

  constructor(fields: RowFields, methods: Readonly<Record<string, (argument: string) => Value>> = {}) {
    this.fields = fields;
    this.methods = methods;
  }

  /** Every field, in the order of their names, as Docker's JSON has them. */
  toJSON(): Readonly<Record<string, Value>> {
    const names = Object.keys(this.fields).toSorted();
    return Object.fromEntries(names.map((name) => [name, this.fields[name]?.()]));
  }
}

/** A field that the object does not have. */
export class Missing {
  readonly name: string;
  readonly known: readonly string[];

  constructor(name: string, known: readonly string[]) {
    this.name = name;
    this.known = known;
  }

  toJSON(): null {
    return null;
  }
}

export type ValueMap = { readonly [name: string]: Value };

export function isMap(value: Value): value is ValueMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Row) &&
    !(value instanceof Missing)
  );
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Go's truth: not false, zero, empty or nil. */
export function isTrue(value: Value): boolean {
  if (value instanceof Row) return true;
  if (value instanceof Missing) return false;
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}
