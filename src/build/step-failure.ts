import { EngineError } from '#base/errors.ts';
import type { Range, SourceFile } from '#dockerfile/ast.ts';
import { BUILD_ERRORS } from './build-errors.ts';
import type { StepPlace } from './build.ts';

/** A command that ended with an exit code that is not among the valid ones: `command-failed`. */
export class StepFailure extends EngineError {
  readonly command: string;
  readonly exitCode: number;
  /** The file with the instruction, once the failure has left the solver. */
  readonly source?: SourceFile;
  readonly ranges: readonly Range[];

  constructor(command: string, exitCode: number, place?: StepPlace) {
    const [code, message] = BUILD_ERRORS['command-failed'];
    const facts = { subject: command, details: { exitCode } };
    super(code, message(facts), { ...facts, reason: 'command-failed' });
    this.command = command;
    this.exitCode = exitCode;
    this.ranges = place?.ranges ?? [];
    if (place) this.source = place.source;
  }
}
