import { EngineError } from './errors.ts';

const DECIMAL = /^[+-]?\d+$/;

/**
 * A whole number in a query string.
 *
 * @throws {EngineError} `invalid`, with the text of Go's `strconv.Atoi`
 */
export function parseInteger(value: string): number {
  const number = DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  const reason = Number.isNaN(number) ? 'invalid syntax' : 'value out of range';
  throw new EngineError('invalid', `strconv.Atoi: parsing ${JSON.stringify(value)}: ${reason}`);
}
