/**
 * The errors of the distribution protocol (distribution-spec, "Error Codes"): one table for codes, statuses and texts.
 */
import { EngineError, type ErrorCode, isEngineError } from '#base/errors.ts';

interface ErrorEntry {
  readonly status: number;
  /** Where it differs from the entry's name. */
  readonly code?: string;
  readonly message: string;
}

const TABLE = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 400,
    message: 'manifest references a manifest or blob unknown to registry',
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  TAG_INVALID: { status: 400, message: 'manifest tag did not match URI' },
  PAGINATION_NUMBER_INVALID: { status: 400, message: 'invalid number of results requested' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  UNAVAILABLE: { status: 503, message: 'service unavailable' },
  UNKNOWN: { status: 500, message: 'unknown error' },
  NOT_FOUND: { status: 404, code: 'UNSUPPORTED', message: 'no such endpoint' },
  MANIFEST_TOO_LARGE: { status: 413, code: 'MANIFEST_INVALID', message: 'manifest too large' },
  BLOB_TOO_LARGE: { status: 413, code: 'SIZE_INVALID', message: 'blob too large' },
  RANGE_INVALID: { status: 416, code: 'BLOB_UPLOAD_INVALID', message: 'range does not continue the upload' },
  RANGE_UNSATISFIABLE: { status: 416, code: 'SIZE_INVALID', message: 'range not satisfiable' },
  NO_SPACE: { status: 507, code: 'UNKNOWN', message: 'no space left on the registry' },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type RegistryErrorName = keyof typeof TABLE;

/** An answer of the protocol: its entry of the table, and what the entry does not say. */
export class RegistryError extends EngineError {
  override readonly name: string = 'RegistryError';
  readonly entry: RegistryErrorName;
  readonly detail: unknown;
  /** Sent with the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    entry: RegistryErrorName,
    detail?: unknown,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    super(CODES[entry] ?? 'invalid', TABLE[entry].message, { cause: options.cause });
    this.entry = entry;
    this.detail = detail;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return TABLE[this.entry].status;
  }

  /** The body, as the specification gives it. */
  toJSON(): object {
    const { code = this.entry, message }: ErrorEntry = TABLE[this.entry];
    const detail = this.detail === undefined ? {} : { detail: this.detail };
    return { errors: [{ code, message, ...detail }] };
  }
}

const CODES: Partial<Readonly<Record<RegistryErrorName, ErrorCode>>> = {
  BLOB_UNKNOWN: 'not-found',
  BLOB_UPLOAD_UNKNOWN: 'not-found',
  MANIFEST_UNKNOWN: 'not-found',
  NAME_UNKNOWN: 'not-found',
  NOT_FOUND: 'not-found',
  UNAUTHORIZED: 'unauthorized',
  DENIED: 'forbidden',
  UNSUPPORTED: 'not-implemented',
  TOOMANYREQUESTS: 'exhausted',
  NO_SPACE: 'exhausted',
  UNAVAILABLE: 'unavailable',
  UNKNOWN: 'internal',
};

/** What the wire says about an error that no handler foresaw. */
const BY_CODE: Readonly<Record<ErrorCode, RegistryErrorName>> = {
  invalid: 'UNKNOWN',
  unauthorized: 'UNAUTHORIZED',
  forbidden: 'DENIED',
  'not-found': 'UNKNOWN',
  'not-modified': 'UNKNOWN',
  conflict: 'UNKNOWN',
  exhausted: 'NO_SPACE',
  unavailable: 'UNAVAILABLE',
  'not-implemented': 'UNSUPPORTED',
  aborted: 'UNAVAILABLE',
  internal: 'UNKNOWN',
};

/** Anything thrown as an answer; what is our own fault is not told to clients in detail. */
export function asRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const entry = isEngineError(error) ? BY_CODE[error.code] : 'UNKNOWN';
  return new RegistryError(entry, undefined, { cause: error });
}
