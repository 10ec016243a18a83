import { EngineError } from '#base/errors.ts';
import type { Range, SourceFile } from '#dockerfile/ast.ts';
import type { StepPlace } from './build.ts';

/** A command that ended with a code that is no good one; Docker's words. */
export class StepFailure extends EngineError {
  readonly command: string;
  readonly exitCode: number;
  /** The file with the instruction, once the failure has left the solver. */
  readonly source?: SourceFile;
  readonly ranges: readonly Range[];

  constructor(command: string, exitCode: number, place?: StepPlace) {
    super('invalid', `The command '${command}' returned a non-zero code: ${exitCode}`);
    this.command = command;
    this.exitCode = exitCode;
    this.ranges = place?.ranges ?? [];
    if (place) this.source = place.source;
  }
}
