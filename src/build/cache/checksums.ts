/** Checksums of files that never change, by what they are and what is taken of them; the latest ones only. */
export class Checksums {
  readonly #known = new Map<string, Promise<string>>();

  /** Equal keys are looked at once. */
  get(key: readonly unknown[], look: () => Promise<string>): Promise<string> {
    const text = JSON.stringify(key);
    const known = this.#known.get(text) ?? this.#look(text, look);
    // The one used last goes last.
    this.#known.delete(text);
    this.#known.set(text, known);
    return known;
  }

  #look(text: string, look: () => Promise<string>): Promise<string> {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAXIMUM_ENTRIES && oldest !== undefined) this.#known.delete(oldest);
    const checksum = look();
    checksum.catch(() => this.#known.delete(text));
    return checksum;
  }
}

const MAXIMUM_ENTRIES = 1000;
