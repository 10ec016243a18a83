import { newId, shortId } from '#base/ids.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo } from '#store/content.ts';
import type { ContainerSpec } from '../container-spec.ts';
import { type ContainerHost, fitToHost } from '../create/host-requirements.ts';
import { missingMountPoints, removeMountPoints } from '../mounts/mount-points.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';
import { type ProcessListener, runToEnd } from '../process/run-to-end.ts';
import { sharedNetwork } from './join-namespaces.ts';
import { type LaunchRoles, launch } from './launch.ts';
import type { Workload } from './workload.ts';

/** A mount whose source is there until the process has ended. */
export interface StepMount extends ResolvedMount {
  readonly isFile: boolean;
}

/** One process in a container that is in no list and no record: a step of a build. */
export interface StepRequest extends ProcessListener {
  /** Bottom first. */
  readonly layers: readonly Digest[];
  /** Complete but for what the host decides; its `mounts` do not count. */
  readonly spec: ContainerSpec;
  readonly mounts: readonly StepMount[];
  /** A directory with mount points: it lies below the layers, so that none of it is a change. Outlives the run. */
  readonly mountPoints?: string;
}

/** The process has ended; disposing removes what it wrote. */
export interface StepRun extends AsyncDisposable {
  readonly exitCode: number;
  /** Writes what it changed as a layer tar; see `SnapshotStore.writeDiff`. */
  writeDiff(path: string, signal: AbortSignal): Promise<BlobInfo>;
}

export interface StepRoles {
  readonly launch: LaunchRoles;
  readonly snapshots: Pick<SnapshotStore, 'create' | 'mount' | 'writeDiff' | 'remove'>;
  readonly host: ContainerHost;
}

/**
 * Runs a step to its end. A daemon that dies meanwhile leaves what the next start removes as an unfinished start.
 *
 * @throws {EngineError} `invalid` if the runtime refuses it, `aborted` when the signal fires
 */
export async function runStep(roles: StepRoles, request: StepRequest): Promise<StepRun> {
  request.signal.throwIfAborted();
  const { snapshots } = roles;
  const id = newId();
  await using undo = new AsyncDisposableStack();
  const { layers, mountPoints } = request;
  snapshots.create({ id, layers, volatile: true, ...(mountPoints !== undefined && { bottom: mountPoints }) });
  undo.defer(() => snapshots.remove(id));
  const exitCode = await runInSnapshot(roles, id, request);
  const kept = undo.move();
  return {
    exitCode,
    writeDiff: (path, signal) => snapshots.writeDiff(id, path, signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function runInSnapshot(roles: StepRoles, id: string, request: StepRequest): Promise<number> {
  await using undo = new AsyncDisposableStack();
  const { process } = await launch(roles.launch, workloadOf(roles, id, request), undo);
  undo.defer(() => process.release());
  return await runToEnd(process, request);
}

/** A step has no /etc/hostname of the engine: the file is the image's, and a step may change it. */
function workloadOf(
  { snapshots, host, launch: { network } }: StepRoles,
  id: string,
  { spec, mounts, signal }: StepRequest,
): Workload {
  const { spec: fitted } = fitToHost(spec, host);
  const shared = sharedNetwork(network.lookup, spec.network.mode);
  return {
    id,
    name: shortId(id),
    spec: { ...fitted, hostname: fitted.hostname ?? shared?.owner.spec.hostname ?? shortId(id) },
    outlivesDaemon: false,
    signal,
    ownsHostname: false,
    mountRoot: () => snapshots.mount(id),
    async prepareMounts(rootPath, undo) {
      const stubs = missingMountPoints(rootPath, mounts);
      undo.defer(() => removeMountPoints(rootPath, stubs));
      return { mounts };
    },
  };
}
