import { DEFAULT_LOG_DRIVER } from '#log/drivers.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { ContainerInspect, ContainerInspectState, HostConfig } from '#wire/container.ts';
import { NEVER } from '#base/clock.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { showMounts } from '../mounts/mounts.ts';
import { networkSettings } from './network-view.ts';
import { commandOf } from '../spec/spec.ts';
import { type ContainerState, isRunning, stoppedState } from '../run/state.ts';
import { withDefaultUlimits } from '../spec/ulimits.ts';

/** What Docker's clients know the engine's kind of snapshots as. */
export const STORAGE_DRIVER = 'overlay2';

type InspectContext = Pick<
  ContainerContext,
  'snapshots' | 'volumes' | 'networks' | 'paths' | 'defaults' | 'images'
>;

/** The body of `GET /containers/{id}/json`. */
export async function inspectContainer(
  context: InspectContext,
  container: ManagedContainer,
  options: { readonly size: boolean },
): Promise<ContainerInspect> {
  const sizes = options.size ? await measure(context, container) : {};
  const { id, name, config, definition, execIds } = container;
  const [path = '', ...args] = commandOf(config);
  return {
    Id: id,
    Created: definition.createdAt,
    Path: path,
    Args: args,
    State: inspectState(container.state),
    Image: definition.imageId,
    ...filePaths(context, container),
    LogPath: container.log.path,
    Name: `/${name}`,
    RestartCount: 0,
    Driver: STORAGE_DRIVER,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.size === 0 ? null : [...execIds],
    HostConfig: shownHostConfig(context, container),
    GraphDriver: { Name: STORAGE_DRIVER, Data: snapshotPaths(context.snapshots, id) },
    ...sizes,
    Mounts: showMounts(definition.mounts, context.volumes),
    Config: config,
    NetworkSettings: networkSettings(container),
  };
}

/** Docker shows the files of /etc once they have been written. */
function filePaths(
  { paths }: InspectContext,
  { id, state }: ManagedContainer,
): Pick<ContainerInspect, 'ResolvConfPath' | 'HostnamePath' | 'HostsPath'> {
  if (stoppedState(state)?.status === 'created')
    return { ResolvConfPath: '', HostnamePath: '', HostsPath: '' };
  const { hosts, hostname, resolvConf } = paths.files(id);
  return { ResolvConfPath: resolvConf, HostnamePath: hostname, HostsPath: hosts };
}

/**
 * What the engine chose by itself is shown under the name of Docker's own default: clients look at it before they
 * read logs (docker-py reads none of a driver that it does not know). `LogPath` stays empty, so nobody takes the
 * files for JSON.
 */
function shownHostConfig(context: InspectContext, { hostConfig, definition }: ManagedContainer): HostConfig {
  const complete = withDefaultUlimits(context, hostConfig);
  if (!definition.usesDefaultLog || complete.LogConfig.Type !== DEFAULT_LOG_DRIVER) return complete;
  return { ...complete, LogConfig: { ...complete.LogConfig, Type: 'json-file' } };
}

function inspectState(state: ContainerState): ContainerInspectState {
  const stopped = stoppedState(state);
  return {
    Status: state.status,
    Running: isRunning(state),
    Paused: state.status === 'paused',
    Restarting: false,
    Dead: state.status === 'dead',
    Pid: isRunning(state) ? state.run.process.pid : 0,
    ExitCode: stopped?.exitCode ?? 0,
    Error: stopped?.error ?? '',
    ...runTimes(state),
  };
}

function runTimes(
  state: ContainerState,
): Pick<ContainerInspectState, 'OOMKilled' | 'StartedAt' | 'FinishedAt'> {
  if (isRunning(state)) {
    const { outOfMemory, startedAt, previouslyFinishedAt } = state.run;
    return { OOMKilled: outOfMemory, StartedAt: startedAt, FinishedAt: previouslyFinishedAt };
  }
  const stopped = stoppedState(state);
  if (stopped?.status !== 'exited') return { OOMKilled: false, StartedAt: NEVER, FinishedAt: NEVER };
  return { OOMKilled: stopped.outOfMemory, StartedAt: stopped.startedAt, FinishedAt: stopped.finishedAt };
}

function snapshotPaths(snapshots: SnapshotStore, id: string): Readonly<Record<string, string>> {
  const snapshot = snapshots.get(id);
  if (!snapshot) return {};
  return {
    LowerDir: snapshot.lowerPaths.join(':'),
    MergedDir: snapshot.mountPath,
    UpperDir: snapshot.upperPath,
    WorkDir: snapshot.workPath,
  };
}

/** Bytes in the writable layer, and with the image's. */
export async function measure(
  { snapshots, images }: Pick<ContainerContext, 'snapshots' | 'images'>,
  { id, definition }: ManagedContainer,
): Promise<{ readonly SizeRw: number; readonly SizeRootFs: number }> {
  const [own, image] = await Promise.all([
    snapshots.usage(id),
    images.inspect(definition.imageId).catch(() => undefined),
  ]);
  return { SizeRw: own, SizeRootFs: own + (image?.sizeBytes ?? 0) };
}
