import { fieldsOf, tryParseJson } from '#base/json.ts';
import { EngineError, type ErrorFacts } from '#base/errors.ts';
import type { HttpResponse } from './http-client.ts';
import { REGISTRY_ERRORS, type RegistryErrorReason } from './registry-errors.ts';
import { parseRetryAfter } from './retry-after.ts';

/** How much of an error's body is read: enough for every message, far too little to fill memory. */
const MAXIMUM_ERROR_BYTES = 64 * 1024;

export interface FailureFacts extends ErrorFacts {
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The registry's own code, in upper case: `MANIFEST_UNKNOWN`. */
  readonly registryCode?: string;
  /** What the registry asks to wait. */
  readonly retryAfterMs?: number;
  /** The same request may succeed later. */
  readonly isTransient?: boolean;
}

/** What went wrong between here and a registry. */
export class RegistryFailure extends EngineError {
  override readonly name: string = 'RegistryFailure';
  readonly status: number | undefined;
  readonly registryCode: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly isTransient: boolean;

  readonly #reason: RegistryErrorReason;

  constructor(reason: RegistryErrorReason, facts: FailureFacts = {}) {
    const [code, message] = REGISTRY_ERRORS[reason];
    const { subject = '', details = {} } = facts;
    super(code, message({ subject, details }), { ...facts, reason });
    this.#reason = reason;
    this.status = facts.status;
    this.registryCode = facts.registryCode;
    this.retryAfterMs = facts.retryAfterMs;
    this.isTransient = facts.isTransient ?? false;
  }

  /** The same failure as one that a further attempt does not mend. */
  asLasting(): RegistryFailure {
    const { subject, details, cause } = this;
    return new RegistryFailure(this.#reason, { ...(subject !== undefined && { subject }), details, cause });
  }
}

const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The failure that an answer means; reads its body.
 *
 * The text is Docker's, `code: message`, where the registry gives its reasons, and a sentence of ours where it gives
 * none.
 *
 * @param action what was tried, as in "Cannot <action>"
 * @param passing the registry's codes that mean a state which passes, beside statuses that always do
 */
export async function failureOf(
  response: HttpResponse,
  action: string,
  passing: readonly string[] = [],
): Promise<RegistryFailure> {
  const body = await readSome(response);
  const [reason] = reasonsOf(body);
  const { status } = response;
  const retryAfterMs = parseRetryAfter(response.headers['retry-after']);
  const answer = reason
    ? `${reason.code.toLowerCase().replaceAll('_', ' ')}: ${reason.message}`
    : `Cannot ${action}: ${response.url.host} answered ${status} ${response.statusText}`;
  return new RegistryFailure(reasonFor(status, reason?.code), {
    subject: response.url.host,
    details: { answer },
    status,
    isTransient: TRANSIENT.has(status) || (reason !== undefined && passing.includes(reason.code)),
    ...(reason ? { registryCode: reason.code } : undefined),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
  });
}

function reasonFor(status: number, registryCode: string | undefined): RegistryErrorReason {
  if (registryCode === 'DENIED') return 'registry-denies';
  if (registryCode === 'UNAUTHORIZED' || status === 401) return 'registry-unauthorized';
  if (status === 403) return 'registry-denies';
  if (status === 404) return 'registry-lacks';
  if (status === 429) return 'registry-limits';
  if (status === 405) return 'registry-lacks-method';
  return status >= 500 || status === 408 ? 'registry-fails' : 'registry-rejects';
}

interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The errors of a body as the specification gives them, or as token servers do (`{"details": …}`). */
function reasonsOf(body: string): readonly Reason[] {
  const { errors, details } = fieldsOf(tryParseJson(body));
  if (Array.isArray(errors)) return errors.flatMap(reasonOf);
  return typeof details === 'string' ? [{ code: 'UNAUTHORIZED', message: details }] : [];
}

function reasonOf(value: unknown): readonly Reason[] {
  const { code, message } = fieldsOf(value);
  if (typeof code !== 'string') return [];
  const text =
    typeof message === 'string' && message !== '' ? message : code.toLowerCase().replaceAll('_', ' ');
  return [{ code: code.slice(0, 100), message: text.slice(0, 2000) }];
}

async function readSome({ body }: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAXIMUM_ERROR_BYTES) break;
    }
  } catch {
    // What came is all there is to say.
  }
  return Buffer.concat(chunks).toString('utf8');
}
