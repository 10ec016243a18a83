/**
 * The engine's one error type. Code branches on `code` and `reason`, never on the message. Each wire maps every code
 * to its own status in one exhaustive table (`api/status.ts`), and every reason to its own text where its clients
 * expect one (`api/errors/`).
 *
 * Messages follow the grammar "Cannot <action> <subject>: <state>".
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

/** What an error is about, beside its code. */
export interface ErrorFacts {
  /** Name, id, path or option, as the caller gave it. */
  readonly subject?: string;
  /** Further values that a wire's text needs, by name. */
  readonly details?: Readonly<Record<string, string | number>>;
  readonly cause?: unknown;
}

/** Carries a code and a reason for programs, a message for people and, where there is one, the cause. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
  readonly code: ErrorCode;
  /**
   * The entry of a domain's table of errors (`error-table.ts`) that this is; each wire may have a text of its own for
   * it.
   */
  readonly reason: string | undefined;
  readonly subject: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, options: ErrorFacts & { readonly reason?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.reason = options.reason;
    this.subject = options.subject;
    this.details = options.details ?? {};
  }
}

/** What an error is, for another that says more and stays the same to programs and wires. */
export function factsOf({
  reason,
  subject,
  details,
}: EngineError): ErrorFacts & { readonly reason?: string } {
  return { details, ...(reason !== undefined && { reason }), ...(subject !== undefined && { subject }) };
}

/** True if `error` is an {@link EngineError}, with the given code where one is given. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  return error instanceof EngineError && (code === undefined || error.code === code);
}

/** True if `error` is an {@link EngineError} for one of these reasons. */
export function hasReason(error: unknown, ...reasons: readonly string[]): error is EngineError {
  return error instanceof EngineError && error.reason !== undefined && reasons.includes(error.reason);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
