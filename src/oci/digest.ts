import { EngineError } from '#base/errors.ts';

/**
 * `sha256:` and 64 lower-case hexadecimal digits (OCI image spec, descriptor.md#digests); only `parseDigest` makes one.
 */
export type Digest = string & { readonly __brand: 'digest' };

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** @throws {EngineError} `invalid` if `text` is not a sha256 digest */
export function parseDigest(text: string): Digest {
  if (!isDigest(text))
    throw new EngineError('invalid', `Cannot use digest ${JSON.stringify(text)}: not a sha256 digest`);
  return text;
}

/** The 64 digits without the algorithm: safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
