/** The body of `GET /containers/{id}/json`. */
import { NEVER } from '#base/clock.ts';
import { receiveError } from '#base/error-transfer.ts';
import type { ContainerSpec } from '#container/container-spec.ts';
import type { ContainerStateView, ContainerView, SizeView } from '#container/views.ts';
import { DEFAULT_LOG_DRIVER } from '#log/drivers.ts';
import { formatPort } from '#base/ports.ts';
import type { ContainerInspect, ContainerInspectState } from '#wire/container.ts';
import type { ContainerConfig } from '#wire/container-config.ts';
import { dockerErrorText } from '../errors/docker-error.ts';
import { encodeHealth } from './health.ts';
import { encodeHostConfig } from './encode-host-config.ts';
import { encodeMounts } from './encode-mounts.ts';
import { networkSettings } from './encode-network.ts';
import { requestedBy } from './requested.ts';
import { STORAGE_DRIVER } from '../storage-driver.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';
import { listOr } from './shown-list.ts';

export function encodeInspect(
  view: ContainerView,
  { manifests, networkIds }: Surroundings = NO_SURROUNDINGS,
): ContainerInspect {
  const { spec, files, snapshot, execIds } = view;
  const manifest = manifests.get(view.imageId);
  const { config, hostConfig } = requestedBy(view);
  const { entrypoint = [], command = [] } = spec.process;
  const [path = '', ...args] = [...entrypoint, ...command];
  return {
    Id: view.id,
    Created: view.createdAt,
    Path: path,
    Args: args,
    State: inspectState(view.state),
    Image: view.imageId,
    ResolvConfPath: files?.resolvConf ?? '',
    HostnamePath: files?.hostname ?? '',
    HostsPath: files?.hosts ?? '',
    LogPath: view.logPath,
    Name: `/${view.name}`,
    RestartCount: 0,
    Driver: STORAGE_DRIVER,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: { ...encodeHostConfig(spec, hostConfig, DEFAULT_LOG_DRIVER), Links: linkTexts(view) },
    GraphDriver: { Name: STORAGE_DRIVER, Data: snapshotPaths(snapshot) },
    ...(view.size && encodeSize(view.size)),
    Mounts: encodeMounts(view.mounts),
    Config: encodeConfig(spec, config),
    NetworkSettings: networkSettings(view, networkIds),
    ...(manifest && { ImageManifestDescriptor: manifest }),
  };
}

export function encodeSize(size: SizeView): { readonly SizeRw: number; readonly SizeRootFs: number } {
  return { SizeRw: size.writableBytes, SizeRootFs: size.rootBytes };
}

function inspectState(state: ContainerStateView): ContainerInspectState {
  return {
    Status: state.status,
    Running: state.status === 'running' || state.status === 'paused',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    Dead: state.status === 'dead',
    Pid: state.pid ?? 0,
    ExitCode: state.exitCode,
    Error: state.failure ? dockerErrorText(receiveError(state.failure)) : '',
    OOMKilled: state.outOfMemory,
    StartedAt: state.startedAt ?? NEVER,
    FinishedAt: state.finishedAt ?? NEVER,
  };
}

function snapshotPaths(snapshot: ContainerView['snapshot']): Readonly<Record<string, string>> {
  if (!snapshot) return {};
  return {
    LowerDir: snapshot.lowerPaths.join(':'),
    MergedDir: snapshot.mountPath,
    UpperDir: snapshot.upperPath,
    WorkDir: snapshot.workPath,
  };
}

/** What was asked for, with what the image and the engine have put in its place. */
function linkTexts({ name, links }: ContainerView): readonly string[] | null {
  return links.length > 0 ? links.map((link) => `/${link.name}:/${name}/${link.alias}`) : null;
}

function encodeConfig(spec: ContainerSpec, asked: ContainerConfig): ContainerConfig {
  const { process, stop, health } = spec;
  const volumes = spec.mounts.anonymous;
  const ports = [
    ...new Set([...spec.network.exposedPorts.map(formatPort), ...Object.keys(asked.ExposedPorts ?? {})]),
  ];
  return {
    ...asked,
    Entrypoint: listOr(process.entrypoint ?? [], asked.Entrypoint),
    Cmd: listOr(process.command ?? [], asked.Cmd),
    User: process.user ?? '',
    WorkingDir: process.workingDirectory ?? '',
    Env: listOr(process.environment, null),
    Labels: spec.labels,
    Volumes: volumes.length === 0 ? null : setOf(volumes),
    ...(ports.length > 0 && { ExposedPorts: setOf(ports) }),
    ...(stop.signal !== undefined && { StopSignal: stop.signal }),
    ...(health && { Healthcheck: encodeHealth(health, asked.Healthcheck) }),
    Hostname: spec.hostname ?? '',
    Image: spec.image,
    Tty: process.terminal,
    OpenStdin: process.stdin !== 'closed',
    StdinOnce: process.stdin === 'once' || asked.StdinOnce,
  };
}

function setOf(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
