/** The `--name=value` of a statement against the ones its instruction knows. */
import type { Token } from '../ast.ts';
import { DockerfileError } from '../dockerfile-error.ts';
import { suggestionSuffix } from '../suggest.ts';

/** `text` takes one value, `list` any number of them, `switch` is true, false or given without a value. */
export type FlagKind = 'text' | 'list' | 'switch';

export class Flags {
  readonly #values = new Map<string, string[]>();

  /** @throws {DockerfileError} for a flag that is unknown, doubled, or without its value */
  constructor(tokens: readonly Token[], known: Readonly<Record<string, FlagKind>> = {}) {
    const kinds = new Map(Object.entries(known));
    for (const token of tokens) this.#add(token, kinds);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Undefined if not given. */
  switch(name: string): boolean | undefined {
    const value = this.#values.get(name)?.[0];
    return value === undefined ? undefined : value === 'true';
  }

  #add(token: Token, kinds: ReadonlyMap<string, FlagKind>): void {
    const separator = token.text.indexOf('=');
    const shown = separator < 0 ? token.text : token.text.slice(0, separator);
    const value = separator < 0 ? undefined : token.text.slice(separator + 1);
    const name = shown.slice(2);
    const kind = kinds.get(name);
    if (kind === undefined) throw at(token, `unknown flag: ${shown}${suggestionSuffix(name, kinds.keys())}`);
    const given = this.#values.get(name);
    if (given !== undefined && kind !== 'list') throw at(token, `duplicate flag specified: ${shown}`);
    const checked = kind === 'switch' ? switchValue(token, shown, value) : value;
    if (checked === undefined) throw at(token, `missing a value on flag: ${shown}`);
    if (given === undefined) this.#values.set(name, [checked]);
    else given.push(checked);
  }
}

function switchValue(token: Token, shown: string, value: string | undefined): string | undefined {
  if (value === '') return undefined;
  const lower = (value ?? 'true').toLowerCase();
  if (lower === 'true' || lower === 'false') return lower;
  throw at(token, `expecting boolean value for flag ${shown}, not: ${value ?? ''}`);
}

function at(token: Token, message: string): DockerfileError {
  return new DockerfileError(message, [token.range]);
}
