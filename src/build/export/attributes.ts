/** The attributes of an output: texts by name, as clients write them behind `--output`. */
import { parseGoBoolean } from '#base/booleans.ts';
import { EngineError } from '#base/errors.ts';
import type { BuildOutput } from '../build.ts';

/** Reads them one by one, and says what is wrong with them in the words of the output. */
export class OutputAttributes {
  readonly #type: string;
  readonly #values: Readonly<Record<string, string>>;

  constructor({ type, attributes }: Pick<BuildOutput, 'attributes'> & { readonly type: string }) {
    this.#type = type;
    this.#values = attributes;
  }

  text(name: string): string | undefined {
    return this.#values[name];
  }

  /** In Go's words; an empty text is true, as in BuildKit. @throws {EngineError} `invalid` */
  flag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    const flag = value === '' ? true : parseGoBoolean(value);
    if (flag !== undefined) return flag;
    throw this.refusal(name, value, 'true or false expected');
  }

  /** @throws {EngineError} `invalid` */
  integer(name: string): number | undefined {
    const value = this.#values[name];
    if (value === undefined || value === '') return undefined;
    const number = Number(value);
    if (/^-?\d+$/.test(value) && Number.isSafeInteger(number)) return number;
    throw this.refusal(name, value, 'a whole number expected');
  }

  /** @throws {EngineError} `invalid` for anything else than `choices` */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.#values[name];
    if (value === undefined || value === '') return undefined;
    const known = choices.find((choice) => choice === value);
    if (known !== undefined) return known;
    throw this.refusal(name, value, `one of ${choices.join(', ')} expected`);
  }

  entries(): readonly (readonly [string, string])[] {
    return Object.entries(this.#values);
  }

  refusal(name: string, value: string, state: string): EngineError {
    return new EngineError(
      'invalid',
      `Cannot export as ${this.#type}: ${name}=${JSON.stringify(value)}: ${state}`,
    );
  }
}
