/** The Docker Engine API's network objects. */
export interface PortBinding {
  /** Empty: every address of the host. */
  readonly HostIp: string;
  /** A port, a range `8000-8010`, or empty or `0` for any free one. */
  readonly HostPort: string;
}

/** From `80/tcp` to where it is published; `null` where it is only exposed. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

export interface EndpointIpamConfig {
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
  readonly LinkLocalIPs?: readonly string[];
}

export interface EndpointSettings {
  readonly IPAMConfig: EndpointIpamConfig | null;
  readonly Links: readonly string[] | null;
  readonly Aliases: readonly string[] | null;
  readonly MacAddress: string;
  readonly DriverOpts: Readonly<Record<string, string>> | null;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: readonly string[] | null;
  /** The endpoint with the highest has the default route. */
  readonly GwPriority: number;
}

/** Nothing asked for, and nothing there. */
export const EMPTY_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
  GwPriority: 0,
};

export interface NetworkingConfig {
  readonly EndpointsConfig: Readonly<Record<string, EndpointSettings>> | null;
}

export interface IpamPool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** `GET /networks/{id}`. */
export interface NetworkInspect {
  readonly Name: string;
  readonly Id: string;
  /** RFC 3339. */
  readonly Created: string;
  readonly Scope: 'local' | 'swarm' | 'global';
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config: readonly IpamPool[] | null;
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<
    Record<
      string,
      {
        readonly Name: string;
        readonly EndpointID: string;
        readonly MacAddress: string;
        readonly IPv4Address: string;
        readonly IPv6Address: string;
      }
    >
  >;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
  /** By subnet. */
  readonly Status: { readonly IPAM: { readonly Subnets?: Readonly<Record<string, SubnetStatus>> } };
}

export interface SubnetStatus {
  /** Reserved ones count. */
  readonly IPsInUse: number;
  /** Of the pool's range. */
  readonly DynamicIPsAvailable: number;
}

/** The body of `POST /networks/create`. */
export interface NetworkCreateBody {
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config: readonly IpamPool[] | null;
  } | null;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigOnly: boolean;
  readonly ConfigFrom: { readonly Network: string } | null;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/** The body of `POST /networks/{id}/connect`. */
export interface NetworkConnectBody {
  readonly Container: string;
  readonly EndpointConfig: EndpointSettings | null;
}

/** The body of `POST /networks/{id}/disconnect`. */
export interface NetworkDisconnectBody {
  readonly Container: string;
  readonly Force: boolean;
}
