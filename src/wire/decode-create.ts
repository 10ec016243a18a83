/**
 * `POST /containers/create`: from what a client sent to a {@link CreateRequest} that is complete and consistent in
 * itself. What depends on the host (processors, runtimes, drivers, networks, images) is the engine's to judge.
 */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { type ContainerConfig, containerConfig } from './container-config.ts';
import type { CreateRequest } from './container.ts';
import { type EndpointSettings, type NetworkingConfig, networkingConfig } from './decode-endpoint.ts';
import { meantByVersion } from './former-create.ts';
import { decodeStruct, object, type Place, parseJson } from './go-json.ts';
import { type HostConfig, hostConfig, type PortBinding, type PortMap } from './host-config.ts';
import { formatPort, parsePort, tryParsePorts } from '#base/ports.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '#oci/protected-paths.ts';
import { validateContainerConfig } from './validate-container-config.ts';
import { validateHostConfig } from './validate-host-config.ts';
import { NEWEST_API_VERSION } from './versions.ts';

/** The size of `/dev/shm` in bytes where none is asked for. */
export const DEFAULT_SHM_SIZE_BYTES = 64 * 1024 * 1024;

/**
 * @param version the version of the API that the client speaks
 * @param defaultNetwork the network of containers whose client leaves the choice to the engine
 * @throws {EngineError} `invalid`, with Docker's texts
 */
export function decodeCreateRequest(
  body: string,
  version = NEWEST_API_VERSION,
  defaultNetwork = 'bridge',
): CreateRequest {
  const parsed = parseJson(body);
  if (parsed === undefined) {
    throw new EngineError('invalid', 'invalid JSON: got EOF while reading request body');
  }
  const sent = decodeStruct(parsed, object);
  if (!hasConfig(sent)) {
    throw new EngineError('invalid', 'config cannot be empty in order to create a container');
  }
  const asked = meantByVersion(decodeParts(sent), version);
  const config = completeConfig(asked.config);
  const host = completeHostConfig(asked.hostConfig, defaultNetwork);
  validateContainerConfig(config);
  validateHostConfig(host);
  return {
    config,
    hostConfig: host,
    networkingConfig: completeNetworking(asked.networkingConfig, defaultNetwork),
  };
}

function decodeParts(sent: object): CreateRequest {
  const networking = memberOf(sent, 'networkingconfig');
  return {
    config: decodeStruct(sent, containerConfig, at('Config')),
    hostConfig: decodeStruct(memberOf(sent, 'hostconfig'), hostConfig, at('HostConfig')),
    networkingConfig: decodeStruct(networking, networkingConfig, at('NetworkingConfig')),
  };
}

const CONFIG_MEMBERS = new Set(containerConfig.fieldNames.map((name) => name.toLowerCase()));

function hasConfig(sent: object): boolean {
  return Object.keys(sent).some((name) => CONFIG_MEMBERS.has(name.toLowerCase()));
}

/** Go's name of the body's parts. */
function at(path: string): Place {
  return { struct: 'ContainerConfigWrapper', path };
}

function memberOf(sent: object, foldedName: string): unknown {
  return Object.entries(sent).findLast(([name]) => name.toLowerCase() === foldedName)?.[1];
}

function completeConfig(config: ContainerConfig): ContainerConfig {
  const volumes = Object.keys(config.Volumes ?? {}).length === 0 ? null : config.Volumes;
  const ports = Object.keys(config.ExposedPorts ?? {}).flatMap(exposedPorts);
  const exposed = Object.fromEntries(ports.map((port) => [port, {}]));
  return {
    ...config,
    Volumes: volumes,
    WorkingDir: cleanPath(config.WorkingDir),
    ...(ports.length > 0 && { ExposedPorts: exposed }),
  };
}

/** Without `.`, `..`, doubled and trailing slashes. */
function cleanPath(path: string): string {
  if (path === '') return '';
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** Each port of a range. What is not a port is shown again, and has no effect. */
function exposedPorts(text: string): readonly string[] {
  const ports = tryParsePorts(text);
  return ports ? ports.map(formatPort) : [text];
}

function completeHostConfig(host: HostConfig, defaultNetwork: string): HostConfig {
  return {
    ...host,
    NetworkMode: networkName(host.NetworkMode || 'default', defaultNetwork),
    PortBindings: completePorts(host.PortBindings),
    RestartPolicy:
      host.RestartPolicy.Name === '' ? { ...host.RestartPolicy, Name: 'no' } : host.RestartPolicy,
    ShmSize: host.ShmSize || DEFAULT_SHM_SIZE_BYTES,
    MemorySwap: host.Memory > 0 && host.MemorySwap === 0 ? host.Memory * 2 : Math.max(host.MemorySwap, -1),
    MemorySwappiness: host.MemorySwappiness === -1 ? null : host.MemorySwappiness,
    OomKillDisable: host.OomKillDisable ?? false,
    PidsLimit: host.PidsLimit !== null && host.PidsLimit <= 0 ? null : host.PidsLimit,
    MaskedPaths: host.MaskedPaths ?? (host.Privileged ? null : DEFAULT_MASKED_PATHS),
    ReadonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? null : DEFAULT_READONLY_PATHS),
  };
}

/** Clients that leave the choice to the engine send `default`. */
function networkName(name: string, defaultNetwork: string): string {
  return name === 'default' ? defaultNetwork : name;
}

function completePorts(bindings: PortMap | null): PortMap | null {
  if (bindings === null) return null;
  return Object.fromEntries(
    Object.entries(bindings).map(([port, binding]): [string, readonly PortBinding[] | null] => [
      formatPort(parsePort(port)),
      binding,
    ]),
  );
}

function completeNetworking(networking: NetworkingConfig, defaultNetwork: string): NetworkingConfig {
  if (networking.EndpointsConfig === null) return networking;
  const endpoints = Object.entries(networking.EndpointsConfig).map(
    ([name, endpoint]): [string, EndpointSettings] => [networkName(name, defaultNetwork), endpoint],
  );
  return { EndpointsConfig: Object.fromEntries(endpoints) };
}
