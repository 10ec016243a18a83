import { EngineError } from '#base/errors.ts';
import type { HostConfig } from '#wire/container.ts';
import type { RunInstruction } from '#dockerfile/ast.ts';

export interface Allowed {
  readonly hostConfig: HostConfig;
  /** What the client allows. */
  readonly entitlements: readonly string[];
}

/** @throws {EngineError} `invalid` for what the client does not allow */
export function allowedHostConfig(
  { network, security }: Pick<RunInstruction, 'network' | 'security'>,
  { hostConfig, entitlements }: Allowed,
): HostConfig {
  const isHostAllowed = hostConfig.NetworkMode === 'host' || entitlements.includes('network.host');
  if (network === 'host' && !isHostAllowed) throw notAllowed('network.host', '--network=host');
  if (security === 'insecure' && !entitlements.includes('security.insecure'))
    throw notAllowed('security.insecure', '--security=insecure');
  return {
    ...hostConfig,
    ...(network !== 'default' && { NetworkMode: network }),
    ...(security === 'insecure' && { Privileged: true }),
  };
}

function notAllowed(entitlement: string, option: string): EngineError {
  return new EngineError(
    'invalid',
    `${entitlement} is not allowed: RUN ${option} needs the entitlement ${entitlement} (--allow ${entitlement})`,
  );
}
