/**
 * A domain's errors in one table: reason → code and message. Throw sites name the reason, a wire looks it up.
 *
 * ```ts
 * export const VOLUME_ERRORS = errorTable({
 *   'no-such-volume': ['not-found', ({ subject }) => `Cannot find volume ${subject}: there is none`],
 *   'volume-in-use': ['conflict', ({ subject, details }) => `Cannot remove volume ${subject}: container ${details.user} uses it`],
 * });
 * export type VolumeErrorReason = keyof typeof VOLUME_ERRORS;
 * export const volumeError = defineErrors(VOLUME_ERRORS);
 *
 * throw volumeError('volume-in-use', { subject: name, details: { user } });
 * ```
 *
 * Reasons are unique across domains (`api/errors/docker-errors.test.ts` holds it).
 */
import { EngineError, type ErrorCode, type ErrorFacts } from './errors.ts';

/** The facts as messages take them: what was not given is an empty text. */
export interface MessageFacts {
  readonly subject: string;
  readonly details: Readonly<Record<string, string | number>>;
}

export type ErrorDefinition = readonly [code: ErrorCode, message: (facts: MessageFacts) => string];

/** Returns `table` with its reasons as a type. */
export function errorTable<Reason extends string>(
  table: Readonly<Record<Reason, ErrorDefinition>>,
): Readonly<Record<Reason, ErrorDefinition>> {
  return table;
}

export function defineErrors<Reason extends string>(
  table: Readonly<Record<Reason, ErrorDefinition>>,
): (reason: Reason, facts?: ErrorFacts) => EngineError {
  return (reason, facts = {}) => {
    const [code, message] = table[reason];
    const { subject = '', details = {} } = facts;
    return new EngineError(code, message({ subject, details }), { ...facts, reason });
  };
}
