/** What opens a registry; all absent is anonymous. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token, in place of a password. */
  readonly identityToken?: string;
  /** A bearer token, shown to the registry as it is. */
  readonly registryToken?: string;
}
