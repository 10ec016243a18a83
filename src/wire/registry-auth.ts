/** Registry credentials in headers: `X-Registry-Auth` for one registry, `X-Registry-Config` for many. */
import { EngineError } from '#base/errors.ts';
import { type Decoded, decodeStruct, map, omitEmpty, parseJson, string, struct } from './go-json.ts';

const AUTH = struct('AuthConfig', {
  username: omitEmpty(string),
  password: omitEmpty(string),
  /** Base64 of `username:password`. */
  auth: omitEmpty(string),
  email: omitEmpty(string),
  serveraddress: omitEmpty(string),
  /** An OAuth2 refresh token, in place of a password. */
  identitytoken: omitEmpty(string),
  registrytoken: omitEmpty(string),
});
export type RegistryAuth = Decoded<typeof AUTH>;

const CONFIG = map(AUTH);

/** URL-safe base64 with padding, as Docker's CLI sends it. */
export function encodeRegistryAuth(auth: RegistryAuth): string {
  return toBase64Url(JSON.stringify(auth));
}

/** An absent header is anonymous. @throws {EngineError} `invalid` */
export function decodeRegistryAuth(header: string | undefined): RegistryAuth {
  if (!header) return {};
  return decodeStruct(parseHeader(header, 'X-Registry-Auth'), AUTH);
}

/** The body of `POST /auth`. @throws {EngineError} `invalid` */
export function decodeAuthBody(body: string): RegistryAuth {
  if (body.trim() === '') throw new EngineError('invalid', 'EOF');
  return decodeStruct(parseJson(body), AUTH);
}

/** Credentials that came as a part of something else. @throws {EngineError} `invalid` */
export function decodeRegistryAuthObject(value: unknown): RegistryAuth {
  return decodeStruct(value, AUTH);
}

/** From host to credentials; an absent header is empty. @throws {EngineError} `invalid` */
export function decodeRegistryConfig(header: string | undefined): Readonly<Record<string, RegistryAuth>> {
  if (!header) return {};
  return decodeStruct(parseHeader(header, 'X-Registry-Config'), CONFIG) ?? {};
}

function parseHeader(header: string, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new EngineError('invalid', `invalid ${name} header: malformed base64 or JSON`, { cause });
  }
}

function toBase64Url(text: string): string {
  return Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
