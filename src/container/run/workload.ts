/**
 * What is launched: a container, or a step of a build. Both go one way (`launch.ts`): network, root, mounts, the
 * runtime's configuration, process.
 */
import type { ContainerSpec } from '../container-spec.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';

export interface Workload {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Names by which others on its networks find it. */
  readonly name: string;
  /** Complete. Its mounts are those that `prepareMounts` makes ready. */
  readonly spec: ContainerSpec;
  /** Whether a crash of the daemon leaves it running: the next one learns its exit code. */
  readonly outlivesDaemon: boolean;
  /** Whether the engine's /etc/hostname lies over the root's. */
  readonly ownsHostname: boolean;
  /** Ends the waiting for other launches; absent where a launch that was asked for is carried out. */
  readonly signal?: AbortSignal;
  /** Mounts its root and returns where. */
  mountRoot(): string;
  /** Makes the sources of its mounts ready; `undo` takes that back when the launch fails. */
  prepareMounts(rootPath: string, undo: AsyncDisposableStack): Promise<WorkloadMounts>;
}

export interface WorkloadMounts {
  readonly mounts: readonly ResolvedMount[];
  /** A tmpfs that is shared as /dev/shm; absent: one of its own. */
  readonly shmPath?: string;
}
