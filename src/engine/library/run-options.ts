/**
 * Containers as a program says them. What is not said is left to the image and the engine; what these options cannot
 * say, a `ContainerSpec` can (`engine.containers.create`).
 */
import type { ContainerSpec, NetworkMode } from '#container/container-spec.ts';
import type { MountSpec } from '#container/mount-spec.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';
import type { PortRequest } from '#network/port-spec.ts';
import { parsePublish } from '#syntax/publish.ts';
import { engineError } from '../engine-errors.ts';

export interface RunOptions {
  /** A reference: `debian:trixie`, `registry.example.org:5000/team/app@sha256:…`. */
  readonly image: string;
  /** Words, which are not split again; a text is run by `/bin/sh -c`. Absent: what the image says. */
  readonly command?: readonly string[] | string;
  readonly entrypoint?: readonly string[];
  /** Absent: one is made up. */
  readonly name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly workingDirectory?: string;
  /** `user[:group]`, names of the image or numbers. */
  readonly user?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * A number is a TCP port of the container; the host gets a free port for it, on 127.0.0.1. A text is what `-p` takes:
   * `8080:80`, `0.0.0.0:53:53/udp`, `9000-9009:9000-9009`; without an address it is 127.0.0.1 too.
   */
  readonly ports?: readonly (number | string | PublishedPort)[];
  /** Mounts by absolute path in the container. A text is the name of a volume, or an absolute path of the host. */
  readonly mounts?: Readonly<Record<string, string | RunMount>>;
  /** Absent: the engine's default network. */
  readonly network?: 'none' | 'host' | { readonly container: string };
  readonly memoryBytes?: number;
  /** Processors' worth of time; fractions are possible. */
  readonly cpus?: number;
  /** Processes and threads. */
  readonly pids?: number;
  /** Nothing but mounts can be written. */
  readonly readOnly?: boolean;
  /** A small init reaps orphans as PID 1. */
  readonly init?: boolean;
  readonly privileged?: boolean;
  /** `missing` (default): an image that is not here is pulled; `always`: also looks for a newer one. */
  readonly pull?: 'missing' | 'always' | 'never';
  /** Ends the pull, and the start. A container that runs is ended by disposing it. */
  readonly signal?: AbortSignal;
}

export interface PublishedPort {
  /** The port in the container. */
  readonly port: number;
  readonly protocol?: 'tcp' | 'udp';
  /** The port of the host; absent: a free one. */
  readonly hostPort?: number;
  /** The address of the host; absent: 127.0.0.1. `0.0.0.0` is reached from everywhere. */
  readonly hostAddress?: string;
}

export type RunMount =
  /** Absent name: a volume of its own, which goes with the container. */
  | { readonly type: 'volume'; readonly name?: string; readonly readOnly?: boolean }
  | { readonly type: 'bind'; readonly source: string; readonly readOnly?: boolean }
  | { readonly type: 'tmpfs'; readonly sizeBytes?: number };

const LOCAL_ONLY = '127.0.0.1';

/**
 * What the options are in the words of the container domain.
 *
 * @throws {EngineError} `mount-path-relative`, and `invalid` for texts that are no ports
 */
export function specOf(options: RunOptions): ContainerSpec {
  const { image, hostname, labels = {}, ports = [], readOnly = false, privileged = false } = options;
  return newContainerSpec(image, {
    labels,
    ...(hostname !== undefined && { hostname }),
    process: processOf(options),
    root: { readOnly },
    mounts: { mounts: Object.entries(options.mounts ?? {}).map(([target, mount]) => mountOf(target, mount)) },
    limits: limitsOf(options),
    security: { privileged },
    network: { mode: networkOf(options.network), ports: ports.flatMap(portsOf) },
  });
}

function processOf(options: RunOptions): Partial<ContainerSpec['process']> {
  const { command, entrypoint, environment = {}, workingDirectory, user, init = false } = options;
  return {
    init,
    environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(command !== undefined && { command: wordsOf(command) }),
    ...(entrypoint !== undefined && { entrypoint }),
    ...(workingDirectory !== undefined && { workingDirectory }),
    ...(user !== undefined && { user }),
  };
}

function limitsOf({ memoryBytes, cpus, pids }: RunOptions): ContainerSpec['limits'] {
  return {
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(cpus !== undefined && { nanoCpus: Math.round(cpus * 1e9) }),
    ...(pids !== undefined && { pids }),
  };
}

/** The words of a command that may be a line for a shell. */
export function wordsOf(command: readonly string[] | string): readonly string[] {
  return typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
}

function networkOf(network: RunOptions['network']): NetworkMode {
  if (network === undefined) return { kind: 'attached', attachments: [] };
  if (typeof network === 'object') return { kind: 'joined', container: network.container };
  return { kind: network };
}

function portsOf(published: number | string | PublishedPort): readonly PortRequest[] {
  if (typeof published !== 'string') return [portOf(published)];
  return parsePublish(published).map((port) => ({ ...port, hostAddress: port.hostAddress || LOCAL_ONLY }));
}

function portOf(published: number | PublishedPort): PortRequest {
  const {
    port,
    protocol = 'tcp',
    hostPort,
    hostAddress = LOCAL_ONLY,
  } = typeof published === 'number' ? { port: published } : published;
  const hostPorts = hostPort === undefined ? undefined : { first: hostPort, last: hostPort };
  return { port, protocol, hostAddress, ...(hostPorts && { hostPorts }) };
}

function mountOf(target: string, mount: string | RunMount): MountSpec {
  checkAbsolute(target);
  const chosen = typeof mount === 'string' ? namedMount(mount) : mount;
  const readOnly = chosen.type !== 'tmpfs' && (chosen.readOnly ?? false);
  switch (chosen.type) {
    case 'volume':
      return {
        type: 'volume',
        target,
        readOnly,
        driver: 'local',
        copyUp: true,
        writtenOptions: '',
        ...(chosen.name !== undefined && { name: chosen.name }),
      };
    case 'bind':
      checkAbsolute(chosen.source);
      return {
        type: 'bind',
        target,
        readOnly,
        source: chosen.source,
        createsSource: false,
        recursive: true,
        recursiveReadOnly: readOnly,
        propagation: 'rprivate',
        writtenOptions: '',
      };
    case 'tmpfs':
      return { type: 'tmpfs', target, readOnly, options: tmpfsOptions(chosen.sizeBytes), shown: true };
  }
}

function tmpfsOptions(sizeBytes: number | undefined): readonly string[] {
  return ['nosuid', 'nodev', 'noexec', ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])];
}

function namedMount(source: string): RunMount {
  return source.startsWith('/') ? { type: 'bind', source } : { type: 'volume', name: source };
}

function checkAbsolute(path: string): void {
  if (!path.startsWith('/')) throw engineError('mount-path-relative', { subject: path });
}
