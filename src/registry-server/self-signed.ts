/** A certificate that a registry signs for itself (RFC 5280), so that TLS works without an authority at hand. */
import {
  createPublicKey,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { bitString, der, derInteger, generalizedTime, implicit, objectIdentifier, tagged } from './der.ts';

/** Clients accept no longer ones from public authorities; here it keeps a lost key from being good for ever. */
const VALID_DAYS = 825;
const RENEWED_DAYS_BEFORE = 30;
const DAY_MS = 24 * 3600 * 1000;

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
} as const;

export interface KeyAndCertificate {
  /** PEM, PKCS #8. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
}

/**
 * The certificate kept in `directory`, or a new one where there is none, it does not cover `names`, or it ends soon.
 *
 * @param names host names and addresses beside this machine's own
 */
export function ensureSelfSigned(directory: string, names: readonly string[] = []): KeyAndCertificate {
  const wanted = [...new Set([...names, ...ownNames()])];
  const kept = readKept(directory);
  if (kept && isGood(kept.certificate, [...names, 'localhost'])) return kept;
  const made = createSelfSigned(wanted);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  replace(join(directory, 'key.pem'), made.key, 0o600);
  replace(join(directory, 'cert.pem'), made.certificate, 0o644);
  return made;
}

/** A certificate and authority in one, with a key on P-256, for servers of these names and addresses. */
export function createSelfSigned(names: readonly string[], now = new Date()): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der('sequence', objectIdentifier(OID.ecdsaWithSha256));
  const subject = distinguishedName('Caisson registry');
  const toBeSigned = der(
    'sequence',
    tagged(0, derInteger(Buffer.of(2))),
    derInteger(serialNumber()),
    algorithm,
    subject,
    der(
      'sequence',
      generalizedTime(new Date(now.getTime() - DAY_MS)),
      generalizedTime(addDays(now, VALID_DAYS)),
    ),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, der('sequence', ...extensions(names))),
  );
  const certificate = der(
    'sequence',
    toBeSigned,
    algorithm,
    bitString(sign('sha256', toBeSigned, privateKey)),
  );
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    certificate: pem(certificate),
  };
}

/** Clients trust it as an authority, which is why it must be one. */
function extensions(names: readonly string[]): readonly Buffer[] {
  const digitalSignatureAndCertificateSigning = Buffer.of(0b1000_0100);
  return [
    extension(OID.subjectAlternativeName, false, der('sequence', ...names.map(generalName))),
    extension(OID.basicConstraints, true, der('sequence', der('boolean', Buffer.of(0xff)))),
    extension(OID.keyUsage, true, bitString(digitalSignatureAndCertificateSigning, 2)),
    extension(OID.extendedKeyUsage, false, der('sequence', objectIdentifier(OID.serverAuthentication))),
  ];
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der('boolean', Buffer.of(0xff))] : [];
  return der('sequence', objectIdentifier(id), ...critical, der('octetString', value));
}

function generalName(name: string): Buffer {
  return isIP(name) === 0 ? implicit(2, Buffer.from(name)) : implicit(7, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser knows every form of an address and writes it in one.
  const [head = '', tail] = new URL(`http://[${address.split('%')[0]}]/`).hostname.slice(1, -1).split('::');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array.from({ length: zeros }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function groups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der(
    'sequence',
    objectIdentifier(OID.commonName),
    der('utf8String', Buffer.from(commonName)),
  );
  return der('sequence', der('set', attribute));
}

/** Positive, and 20 bytes at most (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function ownNames(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list = []) =>
    list.map(({ address }) => address),
  );
  return ['localhost', hostname(), ...addresses];
}

function readKept(directory: string): KeyAndCertificate | undefined {
  try {
    const key = readFileSync(join(directory, 'key.pem'), 'utf8');
    const certificate = readFileSync(join(directory, 'cert.pem'), 'utf8');
    const isPair = createPublicKey(createPrivateKey(key)).equals(new X509Certificate(certificate).publicKey);
    return isPair ? { key, certificate } : undefined;
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM', 'EIO')) throw error;
    return undefined;
  }
}

function isGood(pemText: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pemText);
  const endsMs = Date.parse(certificate.validTo);
  const covers = (name: string) =>
    isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return (
    endsMs - Date.now() > RENEWED_DAYS_BEFORE * DAY_MS && names.every((name) => covers(name) !== undefined)
  );
}

/** The key goes first: a crash in between leaves a pair that does not fit, which the next start replaces. */
function replace(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode, flush: true });
  renameSync(`${path}.new`, path);
}

function addDays(date: Date, days: number): Date {
  return new Date(date.getTime() + days * DAY_MS);
}

function pem(content: Buffer): string {
  const lines = content.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
