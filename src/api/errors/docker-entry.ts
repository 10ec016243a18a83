/** What a reason of the engine's errors is to Docker's clients. */
import type { EngineError } from '#base/errors.ts';

/** `plain`: Docker has no text of its own for this reason. */
export type DockerEntry =
  | 'plain'
  | { readonly status?: number; readonly message?: (error: EngineError) => string };

/** One entry for each reason of a domain. */
export type DockerEntries<Reason extends string> = Readonly<Record<Reason, DockerEntry>>;
