/** `ctrl-p,ctrl-q`: what leaves a container running when it is typed. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/**
 * The bytes of a key sequence: letters, and `ctrl-` with a letter or one of `@[\]^_`, between commas.
 *
 * @throws {Error} if it has another form
 */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(text.split(',').map(keyCode));
}

function keyCode(key: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control === undefined) throw new Error(`invalid detach keys: unknown character: '${key}'`);
  return control.toUpperCase().charCodeAt(0) & 0x1f;
}

/** Watches what is typed for the key sequence; holds back its beginning until it is clear that it is none. */
export class DetachScanner {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What may be sent on, and whether the sequence is complete. */
  feed(input: Uint8Array): { readonly forward: Uint8Array; readonly detached: boolean } {
    if (this.#keys.length === 0) return { forward: input, detached: false };
    const forward: number[] = [];
    for (const byte of input) {
      if (byte !== this.#keys[this.#matched] && this.#matched > 0) {
        forward.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) forward.push(byte);
      else if (++this.#matched === this.#keys.length)
        return { forward: Buffer.from(forward), detached: true };
    }
    return { forward: Buffer.from(forward), detached: false };
  }
}
