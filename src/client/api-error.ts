import { fieldsOf, tryParseJson } from '#base/json.ts';
import { EngineError, type ErrorCode } from '#base/errors.ts';

const CODES: Readonly<Record<number, ErrorCode>> = {
  304: 'not-modified',
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  501: 'not-implemented',
  503: 'unavailable',
  507: 'exhausted',
};

/** What the engine answered where it could not do what was asked. */
export class ApiError extends EngineError {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly status: number;

  /** @param subject what the request was about, where the caller knows */
  constructor(status: number, message: string, subject?: string) {
    super(CODES[status] ?? 'internal', message, subject === undefined ? {} : { subject });
    this.status = status;
  }
}

/** Reads `{"message":"…"}`, or takes a body that is not JSON (a proxy's page) as the message itself. */
export function apiErrorFrom(status: number, body: string): ApiError {
  return new ApiError(status, messageIn(body) || `the engine answered with status ${status}`);
}

function messageIn(body: string): string {
  const { message } = fieldsOf(tryParseJson(body));
  return typeof message === 'string' ? message : body.trim();
}
