import type { RegistryCredentials } from './credentials.ts';

/** A client that fetches tokens from token servers itself, so that it need not show its credentials to this engine. */
export interface TokenSource {
  /** What it fetches is not good for others. */
  readonly id: string;
  /** Undefined: it has none for this registry. @throws {EngineError} what the token server says */
  readonly fetch: (wanted: WantedToken) => Promise<FetchedToken | undefined>;
}

interface WantedToken {
  readonly realm: string;
  readonly service: string;
  readonly scopes: readonly string[];
}

export interface FetchedToken {
  readonly value: string;
  readonly lifetimeSeconds: number;
}

/** What opens a registry: credentials, or a source of tokens that has them. */
export interface Credentials extends RegistryCredentials {
  readonly tokens?: TokenSource;
}
