import { inNetworkNamespace, removeNetworkNamespace } from '#linux/namespaces.ts';
import { newEndpoint, requestedEndpoint } from './endpoint.ts';
import type { SandboxRecord, SandboxRequest } from './network.ts';
import type { Attachment, NetworkDescription, NetworkDriver, SandboxResources } from './network-driver.ts';
import { createBareNamespace } from './ready-namespace.ts';
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
  readonly #directory: string;

  constructor(networkId: string, files: SandboxFiles, directory: string) {
    this.#networkId = networkId;
    this.#files = files;
    this.#directory = directory;
  }

  describe(): NetworkDescription {
    return { Driver: 'null', IPAM: NO_IPAM, Options: {} };
  }

  attach(request: SandboxRequest, { kernel }: SandboxResources): Attachment {
    const namespacePath = createBareNamespace(this.#directory);
    kernel.defer(() => removeNetworkNamespace(namespacePath));
    inNetworkNamespace(namespacePath, () => writeSysctls(networkSysctls(request.sysctls)));
    return {
      namespacePath,
      endpoint: newEndpoint(requestedEndpoint('none', request.endpoints), this.#networkId),
      ports: {},
      hostsFile: this.#files.hosts(request, []),
      resolvConf: this.#files.resolvConf(request),
    };
  }

  restore({ namespacePath }: SandboxRecord, { kernel }: SandboxResources): void {
    if (namespacePath !== undefined) kernel.defer(() => removeNetworkNamespace(namespacePath));
  }

  rename(): void {}
}
