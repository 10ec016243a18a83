import type { ErrorCode } from '#base/errors.ts';

/** What each kind of error is on the wire. Docker's clients read 304, 404 and 409; the rest they print. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'not-modified': 304,
  conflict: 409,
  exhausted: 500,
  unavailable: 503,
  'not-implemented': 501,
  aborted: 503,
  internal: 500,
};
