/** What clients were told, and what is not as they were told. */

export type Kind = 'container' | 'image' | 'volume';

/** `unknown`: the answer did not come, or was a failure. */
type Told = 'there' | 'gone' | 'unknown';

export interface Entry {
  readonly kind: Kind;
  readonly name: string;
  told: Told;
  /** Of a container that has ended: what a client was told of its exit. */
  exitCode?: number;
  /** All that it printed; absent where its log need not have it. */
  output?: string;
  /** What a client wrote into a volume. */
  content?: string;
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();

  /** From here on it may be there or not. */
  begin(kind: Kind, name: string, facts: Pick<Entry, 'output'> = {}): Entry {
    const entry = this.#entries.get(`${kind} ${name}`) ?? { kind, name, told: 'unknown', ...facts };
    entry.told = 'unknown';
    this.#entries.set(`${kind} ${name}`, entry);
    return entry;
  }

  of(kind: Kind): readonly Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === kind);
  }

  /**
   * Compares with what is there, which then counts as told.
   *
   * @returns what was lost, or has come back
   */
  compare(kind: Kind, names: ReadonlySet<string>): readonly string[] {
    const wrong: string[] = [];
    for (const entry of this.of(kind)) {
      const isThere = names.has(entry.name);
      if (entry.told === 'there' && !isThere) wrong.push(`${kind} ${entry.name} is lost`);
      if (entry.told === 'gone' && isThere) wrong.push(`${kind} ${entry.name} is back`);
      if (isThere) entry.told = 'there';
      else this.#entries.delete(`${kind} ${entry.name}`);
    }
    return wrong;
  }
}
