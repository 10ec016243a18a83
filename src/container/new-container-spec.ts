import type { ContainerSpec } from './container-spec.ts';

type Group =
  | 'process'
  | 'root'
  | 'mounts'
  | 'security'
  | 'namespaces'
  | 'devices'
  | 'network'
  | 'log'
  | 'imageDefaults';

/** A spec and its groups of fields, with any of them left out. */
export type PartialContainerSpec = Partial<Omit<ContainerSpec, Group>> & {
  readonly [Key in Group]?: Partial<ContainerSpec[Key]>;
};

const NOTHING_SAID: Omit<ContainerSpec, 'image'> = {
  labels: {},
  annotations: {},
  process: {
    environment: [],
    groups: [],
    terminal: false,
    stdin: 'closed',
    ulimits: [],
    oomScoreAdjustment: 0,
  },
  root: { readOnly: false, storageOptions: {} },
  mounts: { mounts: [], from: [], anonymous: [] },
  limits: {},
  security: {
    privileged: false,
    addedCapabilities: [],
    droppedCapabilities: [],
    seccomp: { kind: 'default' },
  },
  namespaces: { pid: 'private', uts: 'private', sysctls: {} },
  devices: { nodes: [], cgroupRules: [], requests: [] },
  network: {
    mode: { kind: 'attached', attachments: [] },
    exposedPorts: [],
    ports: [],
    publishesAll: false,
    dnsServers: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
  },
  log: { options: {} },
  stop: {},
  restart: { kind: 'no' },
  removedOnExit: false,
  imageDefaults: { onBuild: [] },
};

/** A spec that leaves to the image and the engine what `said` does not say. */
export function newContainerSpec(image: string, said: PartialContainerSpec = {}): ContainerSpec {
  const base = { ...NOTHING_SAID, image };
  return {
    ...base,
    ...said,
    image,
    process: { ...base.process, ...said.process },
    root: { ...base.root, ...said.root },
    mounts: { ...base.mounts, ...said.mounts },
    security: { ...base.security, ...said.security },
    namespaces: { ...base.namespaces, ...said.namespaces },
    devices: { ...base.devices, ...said.devices },
    network: { ...base.network, ...said.network },
    log: { ...base.log, ...said.log },
    imageDefaults: { ...base.imageDefaults, ...said.imageDefaults },
  };
}
