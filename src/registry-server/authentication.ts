import type { Exchange } from './exchange.ts';
import type { UserFile } from './htpasswd.ts';
import { RegistryError } from './registry-error.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="Caisson registry", charset="UTF-8"' };

/**
 * Admits clients that name a user of `users` and its password, by basic authentication (RFC 7617).
 *
 * @throws {RegistryError} UNAUTHORIZED, with the challenge
 */
export async function authenticate(users: UserFile, exchange: Exchange): Promise<void> {
  const credentials = credentialsOf(exchange.header('authorization'));
  if (credentials && (await users.verify(credentials.name, credentials.password, exchange.signal))) return;
  throw new RegistryError('UNAUTHORIZED', undefined, { headers: CHALLENGE });
}

function credentialsOf(header: string): { readonly name: string; readonly password: string } | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
