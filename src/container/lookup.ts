import { containerError } from './container-errors.ts';

interface Entry {
  readonly id: string;
  readonly name: string;
}

/**
 * Finds what has an id and a name by full id, by name, or by an unambiguous prefix of the id, in this order, as
 * Docker does. A name can be reserved before its owner exists, so that of two creates at once one fails.
 */
export class Lookup<Value extends Entry> {
  readonly #byId = new Map<string, Value>();
  readonly #names = new Map<string, string>();
  /** Sorted, for prefixes. */
  readonly #ids: string[] = [];

  get size(): number {
    return this.#byId.size;
  }

  /** In order of insertion. */
  values(): IterableIterator<Value> {
    return this.#byId.values();
  }

  /** @throws {EngineError} `conflict` if the name has an owner */
  reserve(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id) {
      throw containerError('container-name-taken', { subject: name, details: { owner } });
    }
    this.#names.set(name, id);
  }

  release(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  isTaken(name: string): boolean {
    return this.#names.has(name);
  }

  add(value: Value): void {
    this.#names.set(value.name, value.id);
    this.#byId.set(value.id, value);
    this.#ids.splice(this.#position(value.id), 0, value.id);
  }

  delete(value: Value): void {
    this.release(value.name, value.id);
    if (!this.#byId.delete(value.id)) return;
    this.#ids.splice(this.#position(value.id), 1);
  }

  byId(id: string): Value | undefined {
    return this.#byId.get(id);
  }

  /**
   * @throws {EngineError} `not-found`, or `invalid` for a prefix of several ids
   */
  get(reference: string): Value {
    const exact = this.#byId.get(reference) ?? this.#byName(reference);
    if (exact) return exact;
    const matches = this.#withPrefix(reference.toLowerCase());
    if (matches.length > 1) {
      throw containerError('container-ambiguous', { subject: reference });
    }
    const [found] = matches;
    if (found) return found;
    throw containerError('no-such-container', { subject: reference });
  }

  /** Undefined where {@link get} throws. */
  find(reference: string): Value | undefined {
    try {
      return this.get(reference);
    } catch {
      return undefined;
    }
  }

  #byName(reference: string): Value | undefined {
    const id = this.#names.get(reference.replace(/^\//, ''));
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** The first two matches, which are enough to know that a prefix is ambiguous. */
  #withPrefix(prefix: string): readonly Value[] {
    if (!/^[0-9a-f]+$/.test(prefix)) return [];
    const start = this.#position(prefix);
    return this.#ids
      .slice(start, start + 2)
      .filter((id) => id.startsWith(prefix))
      .flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Where `id` stands in the sorted ids, or would. */
  #position(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? '') < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
