import { EngineError } from './errors.ts';

/** What leaves a container running when it is typed in a terminal that is attached to it. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** Bytes of `ctrl-` with a key that is no letter. */
const CONTROL: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/**
 * The bytes of a key sequence such as `ctrl-p,ctrl-q` or `a,b`: ASCII characters, and `ctrl-` with a small letter or
 * one of `@[\]^_`, between commas.
 *
 * @throws {EngineError} `invalid`
 */
export function parseDetachKeys(keys: string): Buffer {
  return Buffer.from(keys.split(',').map((key) => parseKey(key, keys)));
}

function parseKey(key: string, keys: string): number {
  const [, control] = /^ctrl-(.)$/.exec(key) ?? [];
  const code = control === undefined ? plainKey(key) : controlKey(control);
  if (code !== undefined) return code;
  throw new EngineError('invalid', `Invalid detach keys (${keys}) provided`);
}

function plainKey(key: string): number | undefined {
  return key.length === 1 && key.charCodeAt(0) < 128 ? key.charCodeAt(0) : undefined;
}

function controlKey(key: string): number | undefined {
  return /^[a-z]$/.test(key) ? key.charCodeAt(0) - 96 : CONTROL[key];
}

/** Looks for a key sequence in a terminal's input, and holds its beginning back until it is clear that it is none. */
export class DetachScanner {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What to pass on, and whether the keys were complete; what follows them is dropped. */
  scan(input: Buffer): { readonly data: Buffer; readonly detached: boolean } {
    if (this.#keys.length === 0) return { data: input, detached: false };
    const output: number[] = [];
    for (const byte of input) {
      if (byte !== this.#keys[this.#matched]) {
        output.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else output.push(byte);
      if (this.#matched === this.#keys.length) return { data: Buffer.from(output), detached: true };
    }
    return { data: Buffer.from(output), detached: false };
  }
}
