import type { Context } from './context.ts';
import type { Flags, FlagValues } from './flag.ts';

/** What one line of a user's asks of a command. */
interface Invocation<Table> {
  readonly flags: FlagValues<Table>;
  /** The flags that were given, as opposed to left at their defaults. */
  readonly given: ReadonlySet<string>;
  readonly operands: readonly string[];
}

/** What an operand names: for the completion of shells. */
export type OperandKind =
  | 'container'
  | 'running-container'
  | 'stopped-container'
  | 'image'
  | 'volume'
  | 'network'
  | 'context'
  | 'file';

/** One command, declared: the parser, the help and the completion are generated from it. */
export interface Command<Table = Flags> {
  /** One line, as in the list of commands. */
  readonly summary: string;
  /** What follows the name, one for each form. */
  readonly usage: readonly string[];
  /** What the summary leaves out; shown by `--help`. */
  readonly description?: string;
  readonly operands: { readonly min: number; readonly max: number; readonly kind?: OperandKind };
  readonly flags: Table;
  /** False: the first operand ends the flags. */
  readonly interspersed?: boolean;
  /** Lines that a shell would take; the first one is shown where operands are wrong. */
  readonly examples: readonly [string, ...string[]];
  /** True for commands whose failures are told as `caisson: …` with exit code 125. */
  readonly failsAs125?: boolean;
  /** Resolves to the exit code. */
  run(context: Context, invocation: Invocation<Table>): Promise<number>;
}

/** Declares a command with the types of its flags, and forgets them again for the catalogue. */
export function defineCommand<const Table extends Flags>(command: Command<Table>): Command {
  return command;
}

/** No upper bound on operands. */
export const MANY = Number.POSITIVE_INFINITY;
