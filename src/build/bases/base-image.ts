import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import type { Digest } from '#oci/digest.ts';
import type { Source } from '../policy/source-policy.ts';
import type { Platform } from '#oci/platform.ts';

/** An image that a build begins with. */
export interface BaseImage {
  readonly name: string;
  readonly platform: Platform;
  /** What looking for it is called; by default it has a name and a digest of its own. */
  readonly task?: { readonly name: string; readonly digest: Digest };
  /** A registry is asked even where it is here. */
  readonly pull?: boolean;
  /** As a client's graph gives them to source policies. */
  readonly attributes?: Source['attributes'];
}

/** Equal for the same image. */
export function keyOf({ name, platform }: BaseImage): string {
  return `${name} ${formatPlatform(platform)}`;
}
