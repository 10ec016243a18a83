/**
 * The engine's one error type. Code branches on `code`, never on the message; each wire maps every code to its
 * own status in one exhaustive table (`api/status.ts`).
 *
 * Messages follow the grammar "Cannot <action> <subject>: <state>", except where Docker's clients match a text.
 */
export type ErrorCode =
  /** The request is malformed or contradicts itself; nothing was changed. */
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  /** The wanted state is the present state already (Docker's 304). */
  | 'not-modified'
  /** The present state of something forbids the action. */
  | 'conflict'
  /** Out of a finite resource: disk, addresses, descriptors, memory. */
  | 'exhausted'
  /** Temporarily or by configuration not to be had. */
  | 'unavailable'
  | 'not-implemented'
  /** The caller went away or its signal fired. */
  | 'aborted'
  | 'internal';

/** Carries a code for programs, a message for people and, where there is one, the cause. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** True if `error` is an {@link EngineError}, with the given code where one is given. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  return error instanceof EngineError && (code === undefined || error.code === code);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
