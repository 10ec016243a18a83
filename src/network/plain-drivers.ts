import { inNetworkNamespace } from '#linux/namespaces.ts';
import type { DroppedNamespaces } from './dropped-namespaces.ts';
import { newEndpoint, requestedEndpoint } from './endpoint.ts';
import type { SandboxRecord, SandboxRequest } from './network.ts';
import type { Attachment, NetworkDescription, NetworkDriver, SandboxResources } from './network-driver.ts';
import type { NamespacePool } from './namespace-pool.ts';
import type { SandboxFiles } from './sandbox-files.ts';
import { networkSysctls, writeSysctls } from './sysctl.ts';

const NO_IPAM = { Driver: 'default', Options: null, Config: null } as const;

/** `--network host`: no namespace at all. */
export class HostDriver implements NetworkDriver {
  readonly #networkId: string;
  readonly #files: SandboxFiles;

  constructor(networkId: string, files: SandboxFiles) {
    this.#networkId = networkId;
    this.#files = files;
  }

  describe(): NetworkDescription {
    return { Driver: 'host', IPAM: NO_IPAM, Options: {} };
  }

  attach(request: SandboxRequest): Attachment {
    return {
      endpoint: newEndpoint(requestedEndpoint('host', request.endpoints), this.#networkId),
      ports: {},
      hostsFile: this.#files.hostHosts(request),
      resolvConf: this.#files.hostResolvConf(request),
    };
  }

  restore(): void {}

  rename(): void {}
}

/** `--network none`: a namespace with loopback only. */
export class NoneDriver implements NetworkDriver {
  readonly #networkId: string;
  readonly #files: SandboxFiles;
  readonly #pool: NamespacePool<string>;
  readonly #dropped: DroppedNamespaces;

  /** @param pool of paths of namespaces with loopback only */
  constructor(
    networkId: string,
    files: SandboxFiles,
    pool: NamespacePool<string>,
    dropped: DroppedNamespaces,
  ) {
    this.#networkId = networkId;
    this.#files = files;
    this.#pool = pool;
    this.#dropped = dropped;
  }

  describe(): NetworkDescription {
    return { Driver: 'null', IPAM: NO_IPAM, Options: {} };
  }

  attach(request: SandboxRequest, { kernel }: SandboxResources): Attachment {
    const namespacePath = this.#pool.take();
    kernel.defer(() => this.#dropped.add(namespacePath));
    const sysctls = networkSysctls(request.sysctls);
    if (Object.keys(sysctls).length > 0) inNetworkNamespace(namespacePath, () => writeSysctls(sysctls));
    return {
      namespacePath,
      endpoint: newEndpoint(requestedEndpoint('none', request.endpoints), this.#networkId),
      ports: {},
      hostsFile: this.#files.hosts(request, []),
      resolvConf: this.#files.resolvConf(request),
    };
  }

  restore({ namespacePath }: SandboxRecord, { kernel }: SandboxResources): void {
    if (namespacePath !== undefined) kernel.defer(() => this.#dropped.add(namespacePath));
  }

  rename(): void {}
}
