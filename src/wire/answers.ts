/**
 * Which fields of answers a version of the API has: all that came or went, or changed, since 1.24. The types beside
 * this have the fields of all versions.
 *
 * Up to 1.45, this is what Docker's daemon of that version told its older clients: a field that came before 1.44 is
 * mostly told to all of them.
 */
import type { ContainerInspect, ContainerSummary, NetworkSettings } from './container.ts';
import type { ContainerConfig } from './container-config.ts';
import type { EventMessage } from './event.ts';
import {
  differentUntil,
  each,
  eachValue,
  fields,
  type FieldRule,
  omittedEmptySince,
  since,
  until,
} from './field-rules.ts';
import type { ImageInspect, ImageSummary } from './image.ts';
import type { NetworkInspect } from './network.ts';
import type { EndpointSettings } from './decode-endpoint.ts';
import type { ContainerStatsBody } from './stats.ts';
import type { BuildCacheRecord, DiskUsage, UsageOf } from './system.ts';
import type { SystemInfo } from './system-info.ts';
import type { ApiVersion } from './versions.ts';

/** The bodies that differ from version to version. */
export interface AnswerBodies {
  readonly containerInspect: ContainerInspect;
  readonly containerList: readonly ContainerSummary[];
  readonly containerStats: ContainerStatsBody;
  readonly imageInspect: ImageInspect;
  readonly imageList: readonly ImageSummary[];
  readonly networkInspect: NetworkInspect;
  readonly networkList: readonly NetworkInspect[];
  readonly diskUsage: DiskUsage;
  readonly info: SystemInfo;
  readonly event: EventMessage;
}

/** What a client of a version is told. */
export function answerFor<Kind extends keyof AnswerBodies>(
  kind: Kind,
  body: AnswerBodies[Kind],
  version: ApiVersion,
): unknown {
  return ANSWERS[kind](body, version, undefined);
}

const endpoint = fields<EndpointSettings>({ GwPriority: since('1.48') });

/** The names on a network are its container's, then the aliases and what stands for aliases besides. */
const inspectedEndpoint = fields<EndpointSettings>({
  GwPriority: since('1.48'),
  Aliases: differentUntil('1.45', (aliases, { DNSNames }) => DNSNames?.slice(1) ?? aliases),
});

const networkSettings = fields<NetworkSettings>({
  Bridge: until('1.52'),
  HairpinMode: until('1.52'),
  LinkLocalIPv6Address: until('1.52'),
  LinkLocalIPv6PrefixLen: until('1.52'),
  SecondaryIPAddresses: until('1.52'),
  SecondaryIPv6Addresses: until('1.52'),
  EndpointID: until('1.52'),
  Gateway: until('1.52'),
  GlobalIPv6Address: until('1.52'),
  GlobalIPv6PrefixLen: until('1.52'),
  IPAddress: until('1.52'),
  IPPrefixLen: until('1.52'),
  IPv6Gateway: until('1.52'),
  MacAddress: until('1.52'),
  Networks: eachValue(inspectedEndpoint),
});

const containerInspect = fields<ContainerInspect>({
  Config: fields<ContainerConfig>({ MacAddress: until('1.52'), OnBuild: omittedEmptySince('1.52') }),
  NetworkSettings: networkSettings,
  ImageManifestDescriptor: since('1.48'),
});

const containerSummary = fields<ContainerSummary>({
  HostConfig: fields<ContainerSummary['HostConfig']>({ Annotations: since('1.46') }),
  Health: since('1.52'),
  NetworkSettings: fields({ Networks: eachValue(endpoint) }),
  ImageManifestDescriptor: since('1.48'),
});

/** The configuration of containers was shown for that of images, whose fields are fewer. */
const imageConfig = fields<ContainerConfig>({
  Hostname: until('1.50'),
  Domainname: until('1.50'),
  AttachStdin: until('1.50'),
  AttachStdout: until('1.50'),
  AttachStderr: until('1.50'),
  Tty: until('1.50'),
  OpenStdin: until('1.50'),
  StdinOnce: until('1.50'),
  Image: until('1.50'),
  StopTimeout: until('1.50'),
  Cmd: omittedEmptySince('1.52'),
  Entrypoint: omittedEmptySince('1.52'),
  Env: omittedEmptySince('1.52'),
  Labels: omittedEmptySince('1.52'),
  OnBuild: omittedEmptySince('1.52'),
  User: omittedEmptySince('1.52'),
  Volumes: omittedEmptySince('1.52'),
  WorkingDir: omittedEmptySince('1.52'),
});

const imageInspect = fields<ImageInspect>({
  Created: differentUntil('1.44', (created) => created ?? '0001-01-01T00:00:00Z'),
  VirtualSize: until('1.44'),
  ContainerConfig: until('1.45'),
  Parent: omittedEmptySince('1.52'),
  Comment: omittedEmptySince('1.52'),
  DockerVersion: omittedEmptySince('1.52'),
  Author: omittedEmptySince('1.52'),
  Config: imageConfig,
  Descriptor: since('1.48'),
  Manifests: since('1.48'),
  Identity: since('1.53'),
});

const imageSizes = { VirtualSize: until('1.44') };

const imageSummary = fields<ImageSummary>({
  ...imageSizes,
  RepoTags: namelessUntil143('<none>:<none>'),
  RepoDigests: namelessUntil143('<none>@<none>'),
  Containers: differentUntil('1.51', () => -1),
  Descriptor: since('1.48'),
  Manifests: since('1.47'),
});

function namelessUntil143(name: string): FieldRule<readonly string[], ImageSummary> {
  return differentUntil('1.43', (names, { RepoTags, RepoDigests }) =>
    RepoTags.length + RepoDigests.length === 0 ? [name] : names,
  );
}

const cacheRecord = fields<BuildCacheRecord>({ Parents: since('1.42') });

const diskUsage = fields<DiskUsage>({
  Images: each(fields<ImageSummary>(imageSizes)),
  Containers: each(containerSummary),
  BuildCache: each(cacheRecord),
  BuilderSize: until('1.42'),
  ImageUsage: usageOf(fields<ImageSummary>(imageSizes)),
  ContainerUsage: usageOf(containerSummary),
  VolumeUsage: since('1.52'),
  BuildCacheUsage: since('1.52'),
});

/** The objects of one kind, each under the rules of its kind. */
function usageOf<T>(rule: FieldRule<T>): FieldRule<UsageOf<T> | undefined> {
  const isThere = since('1.52');
  const items = fields<UsageOf<T>>({ Items: each(rule) });
  return (usage, version) => isThere(items(usage, version, undefined), version, undefined);
}

const commit = fields<SystemInfo['RuncCommit']>({ Expected: until('1.49') });

const info = fields<SystemInfo>({
  ExecutionDriver: until('1.25'),
  SecurityOptions: differentUntil('1.25', (options) => options.map(nameOfOption)),
  RegistryConfig: fields({
    AllowNondistributableArtifactsCIDRs: until('1.47'),
    AllowNondistributableArtifactsHostnames: until('1.47'),
  }),
  ContainerdCommit: commit,
  RuncCommit: commit,
  InitCommit: commit,
  FirewallBackend: since('1.49'),
  BridgeNfIptables: until('1.50'),
  BridgeNfIp6tables: until('1.50'),
});

/** `name=seccomp,profile=builtin` */
function nameOfOption(option: string): string {
  return /^name=([^,]*)/.exec(option)?.[1] ?? option;
}

const network = fields<NetworkInspect>({ EnableIPv4: since('1.48'), Status: since('1.52') });

const networkSummary = fields<NetworkInspect>({
  EnableIPv4: since('1.48'),
  Containers: until('1.52'),
  Status: () => undefined,
});

const ANSWERS: { readonly [Kind in keyof AnswerBodies]: FieldRule<AnswerBodies[Kind]> } = {
  containerInspect,
  containerList: each(containerSummary),
  containerStats: fields({ os_type: since('1.52') }),
  imageInspect,
  imageList: each(imageSummary),
  networkInspect: network,
  networkList: each(networkSummary),
  diskUsage,
  info,
  event: fields<EventMessage>({ status: until('1.52'), id: until('1.52'), from: until('1.52') }),
};
