import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '#oci/digest.ts';

/** The chain ID of each prefix of a stack of layers, bottom first (OCI image spec, config.md#layer-chainid). */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chains: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chains;
}

function sha256(text: string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`);
}
