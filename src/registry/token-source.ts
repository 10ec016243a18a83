import type { RegistryCredentials } from './credentials.ts';

/** Somebody who fetches tokens from token servers, so that what they are fetched with need not be shown to this engine. */
export interface TokenSource {
  /** What it fetches is not good for others. */
  readonly id: string;
  /** Undefined: it has none for this registry. @throws {EngineError} what the token server says */
  readonly fetch: (wanted: WantedToken) => Promise<FetchedToken | undefined>;
}

export interface WantedToken {
  readonly realm: string;
  readonly service: string;
  readonly scopes: readonly string[];
}

export interface FetchedToken {
  readonly value: string;
  readonly lifetimeSeconds: number;
}

/** What opens a registry: credentials, or somebody who has them. */
export interface Credentials extends RegistryCredentials {
  readonly tokens?: TokenSource;
}
