import { EngineError } from '#base/errors.ts';
import type { RunInstruction } from '#dockerfile/ast.ts';
import type { CommandSettings } from '../definition/command-settings.ts';

export interface Allowed {
  readonly commands: CommandSettings;
  /** What the client allows: `network.host`, `security.insecure`. */
  readonly entitlements: readonly string[];
}

/** The settings of a command. @throws {EngineError} `invalid` for what the client does not allow */
export function allowedSettings(
  { network, security }: Pick<RunInstruction, 'network' | 'security'>,
  { commands, entitlements }: Allowed,
): CommandSettings {
  const isHostAllowed = commands.network.kind === 'host' || entitlements.includes('network.host');
  if (network === 'host' && !isHostAllowed) throw notAllowed('network.host', '--network=host');
  if (security === 'insecure' && !entitlements.includes('security.insecure'))
    throw notAllowed('security.insecure', '--security=insecure');
  return {
    ...commands,
    ...(network !== 'default' && { network: { kind: network } }),
    ...(security === 'insecure' && { security: { ...commands.security, privileged: true } }),
  };
}

function notAllowed(entitlement: string, option: string): EngineError {
  return new EngineError(
    'invalid',
    `${entitlement} is not allowed: RUN ${option} needs the entitlement ${entitlement} (--allow ${entitlement})`,
  );
}
