/** Settings of builds' commands, as clients say them. */
import type { CommandSettings } from '#build/definition/command-settings.ts';
import type { NetworkMode } from '#container/container-spec.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';
import type { HostConfig } from '#wire/host-config.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { limitsOf } from './container/limits.ts';
import { parseSecurityOptions } from './container/security-options.ts';

/** @param fields of Docker's HostConfig @throws {EngineError} `invalid`, with Docker's texts */
export function decodeCommandSettings(fields: Readonly<Record<string, unknown>>): CommandSettings {
  const { hostConfig } = decodeCreateRequest(JSON.stringify({ Image: 'build', HostConfig: fields }));
  const { ExtraHosts, ShmSize, Ulimits } = hostConfig;
  return {
    network: networkOf(hostConfig.NetworkMode),
    ...(ExtraHosts && { extraHosts: ExtraHosts }),
    sharedMemoryBytes: ShmSize,
    ulimits: (Ulimits ?? []).map(({ Name: name, Soft: soft, Hard: hard }) => ({ name, soft, hard })),
    limits: limitsOf(hostConfig),
    security: securityOf(hostConfig),
  };
}

function networkOf(name: string): NetworkMode {
  if (name === 'none' || name === 'host') return { kind: name };
  if (name.startsWith('container:')) return { kind: 'joined', container: name.slice('container:'.length) };
  if (name === 'bridge') return { kind: 'attached', attachments: [] };
  const attachment = { network: name, aliases: [], linkLocalAddresses: [], driverOptions: {} };
  return { kind: 'attached', attachments: [attachment] };
}

function securityOf({ SecurityOpt }: HostConfig): CommandSettings['security'] {
  const { seccomp, noNewPrivileges, systemPathsUnconfined } = parseSecurityOptions(SecurityOpt);
  const paths = systemPathsUnconfined && { maskedPaths: [], readOnlyPaths: [] };
  const privileges = noNewPrivileges !== undefined && { noNewPrivileges };
  return { ...newContainerSpec('build').security, seccomp, ...privileges, ...paths };
}
