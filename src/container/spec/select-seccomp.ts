import type { SecuritySpec } from '../container-spec.ts';
import { parseSeccompProfile, type SeccompProfile } from './seccomp.ts';

/**
 * The filter that a container is to have, undefined for none: privileged containers have none unless they ask for
 * one.
 *
 * @throws {EngineError} `invalid` for a profile that is none
 */
export function selectSeccomp(
  { seccomp, privileged }: Pick<SecuritySpec, 'seccomp' | 'privileged'>,
  defaultProfile: SeccompProfile | undefined,
): SeccompProfile | undefined {
  if (seccomp.kind === 'profile') return parseSeccompProfile(seccomp.json);
  return seccomp.kind === 'unconfined' || privileged ? undefined : defaultProfile;
}

/** @throws {EngineError} `invalid` for a profile that is none */
export function checkSeccomp({ seccomp }: Pick<SecuritySpec, 'seccomp'>): void {
  if (seccomp.kind === 'profile') parseSeccompProfile(seccomp.json);
}
