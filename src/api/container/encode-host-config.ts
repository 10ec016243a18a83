import type {
  ContainerSpec,
  JoinedNamespace,
  LogSpec,
  NamespacesSpec,
  RestartPolicy,
} from '#container/container-spec.ts';
import type { HostConfig } from '#wire/host-config.ts';
import { DEFAULT_SHM_SIZE_BYTES } from '#wire/decode-create.ts';
import { encodeLimits } from './limits.ts';
import { listOr } from './shown-list.ts';

/** What was asked for, with what the engine has put in its place, and with what updates have changed. */
export function encodeHostConfig(spec: ContainerSpec, asked: HostConfig, defaultLog: string): HostConfig {
  const { namespaces, security, process, network } = spec;
  return {
    ...asked,
    NetworkMode: networkModeText(spec, asked.NetworkMode),
    PidMode: namespaceText(namespaces.pid, asked.PidMode),
    IpcMode: ipcText(namespaces, asked.IpcMode),
    CgroupnsMode: namespaces.cgroup ?? '',
    LogConfig: encodeLog(spec.log, asked, defaultLog),
    Runtime: spec.runtime ?? '',
    ShmSize: namespaces.sharedMemoryBytes ?? DEFAULT_SHM_SIZE_BYTES,
    ...(security.maskedPaths && { MaskedPaths: security.maskedPaths }),
    ...(security.readOnlyPaths && { ReadonlyPaths: security.readOnlyPaths }),
    ...encodeLimits(spec.limits, asked),
    RestartPolicy: encodeRestart(spec.restart),
    CapAdd: listOr(security.addedCapabilities, asked.CapAdd),
    CapDrop: listOr(security.droppedCapabilities, asked.CapDrop),
    Dns: listOr(network.dnsServers, asked.Dns),
    DnsOptions: listOr(network.dnsOptions, asked.DnsOptions),
    DnsSearch: listOr(network.dnsSearch, asked.DnsSearch),
    ExtraHosts: listOr(network.extraHosts, asked.ExtraHosts),
    GroupAdd: listOr(process.groups, asked.GroupAdd),
    OomScoreAdj: process.oomScoreAdjustment,
    PublishAllPorts: network.publishesAll,
    AutoRemove: spec.removedOnExit,
    Privileged: security.privileged,
    ReadonlyRootfs: spec.root.readOnly,
    Ulimits: listOr(
      process.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
      asked.Ulimits,
    ),
  };
}

/** The mode as the client says it, but another container by its id. */
export function networkModeText({ network: { mode } }: ContainerSpec, asked?: string): string {
  switch (mode.kind) {
    case 'joined':
      return `container:${mode.container}`;
    case 'attached':
      return asked ?? mode.attachments[0]?.network ?? 'bridge';
    case 'unconnected':
      return asked ?? 'bridge';
    case 'none':
    case 'host':
      return asked ?? mode.kind;
  }
}

/** What the engine has chosen is shown, too. */
function ipcText({ ipc = 'private' }: NamespacesSpec, asked: string): string {
  return asked === '' && typeof ipc === 'string' ? ipc : namespaceText(ipc, asked);
}

function namespaceText(namespace: string | JoinedNamespace, asked: string): string {
  return typeof namespace === 'string' ? asked : `container:${namespace.container}`;
}

/**
 * What the engine chose by itself is shown under the name of Docker's own default: clients look at it before they
 * read logs (docker-py reads none of a driver that it does not know). `LogPath` stays empty, so that
 * no client takes the files for JSON.
 */
function encodeLog(
  { driver = '', options }: LogSpec,
  asked: HostConfig,
  defaultLog: string,
): HostConfig['LogConfig'] {
  const isOurs = asked.LogConfig.Type === '' && driver === defaultLog;
  return { Type: isOurs ? 'json-file' : driver, Config: options };
}

function encodeRestart(policy: RestartPolicy): HostConfig['RestartPolicy'] {
  const retries = policy.kind === 'on-failure' ? policy.maximumRetries : undefined;
  return { Name: policy.kind, MaximumRetryCount: retries ?? 0 };
}
