/** The thread for {@link ContainerFileTasks}. */
import { serveFileTasks } from '#linux/file-thread.ts';
import { makeBindSource } from '../mounts/bind-source.ts';
import { makePoints } from '../mounts/points.ts';
import { checkProgram } from '../program/check-program.ts';
import { lookForDevices } from '../spec/spec-devices.ts';
import { resolveUser } from '../spec/user.ts';
import { changeHosts } from './change-hosts.ts';
import type { ContainerFileTasks } from './file-tasks.ts';
import { patiently } from './root-access.ts';

serveFileTasks<ContainerFileTasks>({
  'find-user': (query) => resolveUser(query, patiently),
  'check-program': (place) => checkProgram(place, patiently),
  'find-devices': lookForDevices,
  'change-hosts': changeHosts,
  'bind-source': makeBindSource,
  'make-points': makePoints,
});
