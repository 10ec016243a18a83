/** Errors between threads: a structured clone keeps neither class nor fields of an error. */
import { EngineError, type ErrorCode } from './errors.ts';

export interface TransferredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly reason?: string;
  readonly subject?: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** All of an error but its cause, for `postMessage`. */
export function transferError({ code, message, reason, subject, details }: EngineError): TransferredError {
  return {
    code,
    message,
    details,
    ...(reason !== undefined && { reason }),
    ...(subject !== undefined && { subject }),
  };
}

/** The error that another thread sent. */
export function receiveError({ code, message, ...facts }: TransferredError): EngineError {
  return new EngineError(code, message, facts);
}
