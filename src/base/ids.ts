import { randomBytes } from 'node:crypto';

/** A new identity as Docker writes them: 64 lower-case hexadecimal digits of randomness. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** The first 12 digits, as shown to people. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
