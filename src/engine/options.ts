import type { IpAddress } from '#base/ip-address.ts';
import type { Logger } from '#base/log.ts';
import type { CacheBudget } from '#build/disk/cache-budget.ts';
import type { ResourceLimit } from '#container/container-spec.ts';
import type { ImageBudget } from '#image/image.ts';
import type { AddressPool } from '#network/network.ts';
import type { OpenFilesLimit } from '#linux/open-files-limit.ts';

/**
 * Everything an engine can be told, in one typed object; `caissond` makes it from its flags and configuration file,
 * a program writes it down. Only `root` is needed.
 */
export interface EngineOptions {
  /** Data that must survive: images, volumes, containers, metadata. One engine at a time. */
  readonly root: string;
  /** State that need not survive a reboot: mounts, FIFOs, pinned namespaces. */
  readonly run?: string | undefined;
  /** The default bridge, at most 15 bytes; `none`: there is none. Derived from `run` where that is not the standard one. */
  readonly bridge?: string | undefined;
  /** Address and prefix of the default bridge: `172.17.0.1/16`. */
  readonly bip?: string | undefined;
  /** Addresses of containers on the default bridge: `172.17.8.0/21`. */
  readonly fixedCidr?: string | undefined;
  readonly mtu?: number | undefined;
  /** Whether the default bridge has IPv6, and its subnet there; by default a unique local one. */
  readonly ipv6?: boolean | undefined;
  readonly fixedCidrV6?: string | undefined;
  /** Whether packets of the default bridge leave with the host's addresses. */
  readonly ipMasq?: boolean | undefined;
  /** Whether the host is made to forward packets. */
  readonly ipForward?: boolean | undefined;
  /** Where the subnets of networks that ask for none are taken from. */
  readonly addressPools?: readonly AddressPool[] | undefined;
  /** What `host-gateway` stands for. */
  readonly hostGateway?: IpAddress | undefined;
  /** Whether to manage the firewall (NAT, published ports, isolation). */
  readonly iptables?: boolean | undefined;
  readonly userlandProxy?: boolean | undefined;
  /** Whether containers on the default bridge may talk to each other. */
  readonly icc?: boolean | undefined;
  /** Host address for ports that are published without one. */
  readonly ip?: string | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  readonly logDriver?: string | undefined;
  readonly logOptions?: Readonly<Record<string, string>> | undefined;
  /** How layers are kept; `auto` probes the kernel. */
  readonly layerMode?: 'auto' | 'erofs' | 'directory' | undefined;
  readonly runtime?: 'auto' | 'crun' | 'runc' | undefined;
  readonly cgroupParent?: string | undefined;
  /** Path of the default seccomp profile, `unconfined`, or `builtin`. */
  readonly seccompProfile?: string | undefined;
  readonly initPath?: string | undefined;
  /** Whether containers that say nothing have an init, and may gain no privileges. */
  readonly init?: boolean | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  /** Namespaces of containers that say nothing. */
  readonly ipcMode?: 'private' | 'shareable' | undefined;
  readonly cgroupNamespace?: 'private' | 'host' | undefined;
  /** Bytes of /dev/shm. */
  readonly defaultShmSize?: number | undefined;
  readonly defaultUlimits?: readonly ResourceLimit[] | undefined;
  /** The limit of open files in containers where no other is asked for; by default that of this process. */
  readonly openFiles?: OpenFilesLimit | undefined;
  /** Bytes that one layer may unpack to. */
  readonly maximumLayerBytes?: number | undefined;
  /** Registries that may speak http or show any certificate: `host:port`, `host` or a network. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** URLs of mirrors of Docker Hub. */
  readonly registryMirrors?: readonly string[] | undefined;
  /** Layers that are downloaded, and uploaded, at the same time. */
  readonly maxConcurrentDownloads?: number | undefined;
  readonly maxConcurrentUploads?: number | undefined;
  /** What images may take; the least recently used go above it. */
  readonly imageBudget?: ImageBudget | undefined;
  /** How much the build cache may keep; applied after builds. */
  readonly buildCache?: CacheBudget | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Whether clients are told so, and offer what Docker calls experimental: `docker build --squash`. */
  readonly experimental?: boolean | undefined;
  /** Ready network namespaces kept in stock. */
  readonly networkPoolSize?: number | undefined;
  readonly logger?: Logger | undefined;
}
