/**
 * The command line itself is wrong: nothing was asked of the engine. Shown with a pointer to the command's help;
 * exit code 125, as Docker's.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Ends a command with a code of its own. The message, where there is one, goes to standard error as it is; commands
 * that have told everything already leave it out.
 */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: number;

  constructor(exitCode: number, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}
