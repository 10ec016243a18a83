/** What every instruction takes from its statement, and the checks they share. */
import type { Instruction, Statement } from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';

export type Base = Pick<Instruction, 'range' | 'original' | 'comments' | 'statement'>;

export function baseOf(statement: Statement): Base {
  const { range, original, comments } = statement;
  return { range, original, comments, statement };
}

export function argTexts(statement: Statement): readonly string[] {
  return statement.args.map(({ text }) => text);
}

/** @throws {EngineError} `invalid` */
export function atLeastOne(name: string, args: readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = args;
  if (first === undefined) throw invalid(`${name} requires at least one argument`);
  return [first, ...rest];
}

/** @throws {EngineError} `invalid` */
export function exactlyOne(name: string, args: readonly string[]): string {
  const [only, ...rest] = args;
  if (only === undefined || rest.length > 0) throw invalid(`${name} requires exactly one argument`);
  return only;
}
