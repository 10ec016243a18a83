/** What threads do for containers; the contract of the file service is in `linux/file-service.ts`. */
import { workerModule } from '#base/worker-module.ts';
import { fileTasks } from '#linux/file-service.ts';
import type { BindSource } from '../mounts/bind-source.ts';
import type { PointsToMake } from '../mounts/points.ts';
import type { HostsChange } from './change-hosts.ts';
import type { ProgramPlace } from '../program/check-program.ts';
import type { DeviceQuery, HostDevices } from '../spec/spec-devices.ts';
import type { ResolvedUser, UserQuery } from '../spec/user.ts';

export interface ContainerFileTasks {
  readonly 'find-user': { readonly input: UserQuery; readonly output: ResolvedUser };
  readonly 'check-program': { readonly input: ProgramPlace; readonly output: void };
  /** See `lookForDevices`. */
  readonly 'find-devices': { readonly input: DeviceQuery; readonly output: HostDevices };
  readonly 'change-hosts': { readonly input: HostsChange; readonly output: void };
  readonly 'bind-source': { readonly input: BindSource; readonly output: void };
  readonly 'make-points': { readonly input: PointsToMake; readonly output: void };
}

export const CONTAINER_FILE_TASKS = fileTasks<ContainerFileTasks>(
  workerModule('container-files-worker', import.meta.url),
  { youngGenerationMb: 2 },
);
