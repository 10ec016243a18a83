import type { Logger } from '#base/log.ts';

/**
 * Everything an engine can be told, in one typed object; `caissond` makes it from its flags and configuration file,
 * a program writes it down. Only `root` is needed.
 */
export interface EngineOptions {
  /** Data that must survive: images, volumes, containers, metadata. One engine at a time. */
  readonly root: string;
  /** State that need not survive a reboot: mounts, FIFOs, pinned namespaces. */
  readonly run?: string;
  /** The default bridge, at most 15 bytes. Derived from `run` where that is not the standard one. */
  readonly bridge?: string;
  /** Address and prefix of the default bridge: `172.17.0.1/16`. */
  readonly bip?: string;
  /** Whether to manage the firewall (NAT, published ports, isolation). */
  readonly iptables?: boolean;
  readonly userlandProxy?: boolean;
  /** Whether containers on the default bridge may talk to each other. */
  readonly icc?: boolean;
  /** Host address for ports that are published without one. */
  readonly ip?: string;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly logDriver?: string;
  readonly logOptions?: Readonly<Record<string, string>>;
  /** How layers are kept; `auto` probes the kernel. */
  readonly layerMode?: 'auto' | 'erofs' | 'directory';
  readonly runtime?: 'auto' | 'crun' | 'runc';
  readonly cgroupParent?: string;
  /** Path of the default seccomp profile, or `unconfined`. */
  readonly seccompProfile?: string;
  readonly initPath?: string;
  /** Bytes of /dev/shm. */
  readonly defaultShmSize?: number;
  readonly defaultUlimits?: readonly {
    readonly Name: string;
    readonly Hard: number;
    readonly Soft: number;
  }[];
  /** Bytes that one layer may unpack to. */
  readonly maximumLayerBytes?: number;
  /** Registries that may speak http or show any certificate: `host:port`, `host` or a network. */
  readonly insecureRegistries?: readonly string[];
  /** URLs of mirrors of Docker Hub. */
  readonly registryMirrors?: readonly string[];
  /** Layers that are downloaded, and uploaded, at the same time. */
  readonly maxConcurrentDownloads?: number;
  readonly maxConcurrentUploads?: number;
  readonly labels?: readonly string[];
  /** Ready network namespaces kept in stock. */
  readonly networkPoolSize?: number;
  readonly logger?: Logger;
}
