/** Private keys of people, as an agent uses them. */
import { constants, createPrivateKey, type KeyObject, sign, type webcrypto } from 'node:crypto';
import { EngineError } from '../errors.ts';
import { field, FieldReader, numberField } from './ssh-fields.ts';

export interface PrivateKey {
  /** The public half, as SSH sends it. */
  readonly publicKey: Buffer;
  readonly comment: string;
  /** @param flags of the agent's protocol: which hash RSA is to use */
  sign(data: Buffer, flags: number): Buffer;
}

const OPENSSH = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/;
const OPENSSH_MAGIC = 'openssh-key-v1\0';
const PEM = /-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----/;
const ENCRYPTED_PEM = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** SSH_AGENT_RSA_SHA2_256 and _512 (draft-ietf-sshm-ssh-agent). */
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

const CURVES: ReadonlyMap<string | undefined, { readonly curve: string; readonly hash: string }> = new Map([
  ['P-256', { curve: 'nistp256', hash: 'sha256' }],
  ['P-384', { curve: 'nistp384', hash: 'sha384' }],
  ['P-521', { curve: 'nistp521', hash: 'sha512' }],
]);

/**
 * Reads a key as `ssh-keygen` and `openssl` write it: Ed25519, RSA or ECDSA, without a passphrase.
 *
 * @throws {EngineError} `invalid` with the state of it, for a sentence: "it has a passphrase"
 */
export function parsePrivateKey(text: string): PrivateKey {
  const [, body] = OPENSSH.exec(text) ?? [];
  if (body !== undefined) return parseOpenSsh(Buffer.from(body, 'base64'));
  if (!PEM.test(text)) throw new EngineError('invalid', 'it is no private key');
  if (ENCRYPTED_PEM.test(text)) throw encrypted();
  return keyOf(createKey(text), '');
}

/** PROTOCOL.key of OpenSSH. */
function parseOpenSsh(bytes: Buffer): PrivateKey {
  const reader = new FieldReader(bytes);
  if (reader.bytes(OPENSSH_MAGIC.length).toString() !== OPENSSH_MAGIC) throw damaged();
  const cipher = reader.text();
  reader.field();
  reader.field();
  if (reader.uint32() !== 1) throw damaged();
  reader.field();
  if (cipher !== 'none') throw encrypted();
  const secret = new FieldReader(reader.field());
  if (secret.uint32() !== secret.uint32()) throw damaged();
  const jwk = openSshJwk(secret);
  return keyOf(createKey({ key: jwk, format: 'jwk' }), secret.text());
}

function openSshJwk(secret: FieldReader): webcrypto.JsonWebKey {
  const type = secret.text();
  if (type === 'ssh-ed25519') {
    const x = secret.field();
    const d = secret.field().subarray(0, x.length);
    return { kty: 'OKP', crv: 'Ed25519', x: base64url(x), d: base64url(d) };
  }
  if (type === 'ssh-rsa') return rsaJwk(secret);
  if (type.startsWith('ecdsa-sha2-')) return ecdsaJwk(secret);
  throw new EngineError('invalid', `keys of type ${type} need an agent`);
}

function rsaJwk(secret: FieldReader): webcrypto.JsonWebKey {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => numberOf(secret.field()));
  if (!n || !e || !d || !qi || !p || !q) throw damaged();
  const numbers = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi };
  const encoded = Object.entries(numbers).map(([name, value]) => [name, base64url(bytesOf(value))]);
  return { kty: 'RSA', ...Object.fromEntries(encoded) };
}

function ecdsaJwk(secret: FieldReader): webcrypto.JsonWebKey {
  const curve = secret.text();
  const [crv] = [...CURVES].find(([, known]) => known.curve === curve) ?? [];
  const point = secret.field();
  const size = (point.length - 1) / 2;
  const d = bytesOf(numberOf(secret.field()));
  if (crv === undefined || point[0] !== UNCOMPRESSED || d.length > size) throw damaged();
  const padded = Buffer.concat([Buffer.alloc(size - d.length), d]);
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
  return { kty: 'EC', crv, x: base64url(x), y: base64url(y), d: base64url(padded) };
}

/** SEC 1, section 2.3.3. */
const UNCOMPRESSED = 4;

function keyOf(key: KeyObject, comment: string): PrivateKey {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519')
    return {
      publicKey: Buffer.concat([field('ssh-ed25519'), field(numberBytes(jwk.x))]),
      comment,
      sign: (data) => Buffer.concat([field('ssh-ed25519'), field(sign(null, data, key))]),
    };
  if (jwk.kty === 'RSA')
    return {
      publicKey: Buffer.concat([
        field('ssh-rsa'),
        numberField(numberBytes(jwk.e)),
        numberField(numberBytes(jwk.n)),
      ]),
      comment,
      sign: (data, flags) => signRsa(key, data, flags),
    };
  const known = jwk.kty === 'EC' ? CURVES.get(jwk.crv) : undefined;
  if (!known) throw new EngineError('invalid', 'only Ed25519, RSA and ECDSA keys can be used');
  const type = `ecdsa-sha2-${known.curve}`;
  const point = Buffer.concat([Buffer.of(UNCOMPRESSED), numberBytes(jwk.x), numberBytes(jwk.y)]);
  return {
    publicKey: Buffer.concat([field(type), field(known.curve), field(point)]),
    comment,
    sign: (data) => {
      const pair = sign(known.hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const half = pair.length / 2;
      const numbers = [numberField(pair.subarray(0, half)), numberField(pair.subarray(half))];
      return Buffer.concat([field(type), field(Buffer.concat(numbers))]);
    },
  };
}

function signRsa(key: KeyObject, data: Buffer, flags: number): Buffer {
  const [name, hash] =
    (flags & RSA_SHA2_512) !== 0
      ? ['rsa-sha2-512', 'sha512']
      : (flags & RSA_SHA2_256) !== 0
        ? ['rsa-sha2-256', 'sha256']
        : ['ssh-rsa', 'sha1'];
  const signature = sign(hash, data, { key, padding: constants.RSA_PKCS1_PADDING });
  return Buffer.concat([field(name), field(signature)]);
}

function createKey(source: Parameters<typeof createPrivateKey>[0]): KeyObject {
  try {
    return createPrivateKey(source);
  } catch (cause) {
    throw damaged(cause);
  }
}

function numberOf(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function numberBytes(text = ''): Buffer {
  return Buffer.from(text, 'base64url');
}

function encrypted(): EngineError {
  return new EngineError('invalid', 'it has a passphrase');
}

function damaged(cause?: unknown): EngineError {
  return new EngineError('invalid', 'it is damaged', { cause });
}
