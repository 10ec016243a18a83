import { defineErrors, errorTable, type MessageFacts } from '#base/error-table.ts';

/** The errors of containers. The subject is what the comment above a group says, the container's id where none does. */
const CONTAINER_ERRORS = errorTable({
  // References: as the caller gave them.
  'no-container-with-volumes': [
    'invalid',
    ({ subject }) => `Cannot take over the volumes of container ${subject}: there is no such container`,
  ],
  'no-such-container': ['not-found', ({ subject }) => `Cannot find container ${subject}: there is none`],
  'container-ambiguous': [
    'invalid',
    ({ subject }) => `Cannot find container ${subject}: several ids begin so`,
  ],
  'no-such-container-file': [
    'not-found',
    ({ subject, details }) =>
      `Cannot find file ${subject} in container ${details['container']}: there is none`,
  ],
  'no-such-exec': ['not-found', ({ subject }) => `Cannot find exec ${subject}: there is none`],

  // Names.
  'container-name-invalid': [
    'invalid',
    ({ subject }) =>
      `Cannot name a container ${JSON.stringify(subject)}: a name may have letters, digits, "_", "." and "-" only, ` +
      'begins with a letter or a digit, and has at least two characters',
  ],
  'container-name-taken': [
    'conflict',
    ({ subject, details }) =>
      `Cannot name a container ${subject}: container ${details['owner']} has that name`,
  ],

  'rename-without-name': [
    'invalid',
    ({ subject }) => `Cannot rename container ${subject}: the new name is empty`,
  ],
  'rename-same-name': ['invalid', ({ subject }) => `Cannot rename container ${subject}: that is its name`],
  'rename-name-taken': [
    'conflict',
    ({ subject, details }) =>
      `Cannot rename container to ${subject}: container ${details['owner']} has that name`,
  ],

  // What a spec asks for: the value.
  'capability-unknown': ['invalid', ({ subject }) => `Cannot use capability ${subject}: there is none`],
  'capability-not-grantable': [
    'invalid',
    ({ subject }) => `Cannot grant capability ${subject}: neither the kernel nor the engine has it`,
  ],
  'seccomp-malformed': ['invalid', ({ details }) => `Cannot read seccomp profile: ${details['problem']}`],
  'seccomp-missing': ['not-found', ({ subject }) => `Cannot read seccomp profile ${subject}: no such file`],
  'no-such-user': ['invalid', ({ subject }) => `Cannot run as user ${subject}: /etc/passwd does not name it`],
  'no-such-group': [
    'invalid',
    ({ subject }) => `Cannot run as group ${subject}: /etc/group does not name it`,
  ],
  'no-such-added-group': [
    'invalid',
    ({ subject }) => `Cannot add group ${subject}: /etc/group does not name it`,
  ],
  'id-out-of-range': [
    'invalid',
    ({ subject, details }) => `Cannot run as ${subject}: ids are between 0 and ${details['maximum']}`,
  ],
  'interpreter-missing': [
    'invalid',
    ({ subject, details }) => `Cannot run ${subject}: ${details['problem']}`,
  ],
  'program-cannot-run': ['invalid', ({ subject, details }) => `Cannot run ${subject}: ${details['problem']}`],
  'nothing-to-run': ['invalid', () => 'Cannot create container: neither it nor its image says what to run'],
  'hostname-long': [
    'invalid',
    ({ subject, details }) =>
      `Cannot create container: its host name ${subject} has more than ${details['maximum']} bytes`,
  ],
  'hostname-of-host': [
    'invalid',
    ({ subject }) => `Cannot create container: it shares the host's name, so it cannot be called ${subject}`,
  ],
  'runtime-unknown': ['invalid', ({ subject }) => `Cannot create container: there is no runtime ${subject}`],
  'beyond-runtime': [
    'invalid',
    ({ subject, details }) =>
      `Cannot create container: ${subject} cannot ${details['what']}; runc can, if it is installed`,
  ],
  'log-driver-unknown': [
    'invalid',
    ({ subject, details }) =>
      `Cannot create container: there is no log driver ${subject}, only ${details['known']}`,
  ],
  'log-driver-gone': [
    'unavailable',
    ({ subject }) => `Cannot open the log of a container: there is no log driver ${subject}`,
  ],
  'ulimit-unknown': ['invalid', ({ subject }) => `Cannot limit ${subject}: there is no such resource`],
  'ulimit-above-hard': [
    'invalid',
    ({ subject, details }) =>
      `Cannot limit ${subject}: the soft limit ${details['soft']} exceeds the hard limit ${details['hard']}`,
  ],
  'cpus-and-period': ['invalid', () => 'Cannot limit processors: a number excludes a period'],
  'cpus-and-quota': ['invalid', () => 'Cannot limit processors: a number excludes a quota'],
  'cpus-out-of-range': [
    'invalid',
    ({ details }) => `Cannot limit processors: the number must be between 0 and ${details['available']}`,
  ],
  'cpuset-invalid': [
    'invalid',
    ({ subject, details }) => `Cannot choose ${details['what']} ${subject}: a list is written as 0-3,5`,
  ],
  'cpu-period-out-of-range': [
    'invalid',
    () => 'Cannot limit processors: the period must be between 1 ms and 1 s',
  ],
  'cpu-quota-low': ['invalid', () => 'Cannot limit processors: the quota must be at least 1 ms'],
  'memory-low': ['invalid', () => 'Cannot limit memory: the limit must be at least 6 MiB'],
  'memory-reservation-low': ['invalid', () => 'Cannot reserve memory: it must be at least 6 MiB'],
  'memory-below-reservation': ['invalid', () => 'Cannot limit memory: more is reserved'],
  'swap-without-memory': ['invalid', () => 'Cannot limit swap: memory is not limited'],
  'swap-below-memory': [
    'invalid',
    () => 'Cannot limit swap: the limit includes memory, and is below that of memory',
  ],

  'swappiness-out-of-range': [
    'invalid',
    ({ details }) => `Cannot use swappiness ${details['swappiness']}: it must be between 0 and 100`,
  ],
  'cpu-shares-out-of-range': [
    'invalid',
    ({ details }) =>
      `Cannot give ${details['shares']} shares of the processors: ` +
      `they must be between ${details['minimum']} and ${details['maximum']}`,
  ],
  'realtime-above-period': [
    'invalid',
    () => 'Cannot limit real-time processes: their run time exceeds its period',
  ],
  'realtime-unsupported': [
    'invalid',
    () => 'Cannot limit real-time processes: the kernel does not offer it in its control groups',
  ],
  'cpuset-unavailable': [
    'invalid',
    ({ subject, details }) =>
      `Cannot choose ${details['what']} ${subject}: this machine has ${details['available']}`,
  ],
  'sysctl-of-machine': [
    'invalid',
    ({ subject }) => `Cannot set sysctl ${subject}: it belongs to the whole machine`,
  ],
  'sysctl-of-host': [
    'invalid',
    ({ subject, details }) =>
      `Cannot set sysctl ${subject}: the container shares the ${details['namespace']} namespace of the host`,
  ],
  'block-io-weight-out-of-range': [
    'invalid',
    ({ details }) =>
      `Cannot weigh block I/O: a weight must be between ${details['minimum']} and ${details['maximum']}`,
  ],
  'storage-option-unsupported': [
    'not-implemented',
    ({ subject }) =>
      `Cannot use storage option ${subject}: this engine cannot limit a container's root; leave out --storage-opt`,
  ],
  'no-container-to-join': [
    'invalid',
    ({ subject, details }) =>
      `Cannot join the ${details['what']} of container ${subject}: there is no such container`,
  ],

  // Devices and mounts: the path.
  'device-missing': [
    'invalid',
    ({ subject, details }) => `Cannot give device ${subject} to a container: ${details['problem']}`,
  ],
  'device-access-invalid': [
    'invalid',
    ({ subject }) => `Cannot give a device with access ${subject}: that is not one of r, w and m`,
  ],
  'device-rule-invalid': [
    'invalid',
    ({ subject }) => `Cannot allow device ${subject}: a rule is written as "c 1:3 rwm"`,
  ],
  'no-device-driver': [
    'invalid',
    ({ subject, details }) =>
      `Cannot select a device: no driver ${subject} gives any that can do ${details['capabilities']}`,
  ],
  'block-device-missing': ['invalid', ({ subject }) => `Cannot limit device ${subject}: no such device`],
  'mount-duplicate': ['invalid', ({ subject }) => `Cannot mount at ${subject}: two mounts are asked for`],
  'mount-at-root': ['invalid', ({ subject }) => `Cannot mount at ${subject}: that is the root`],
  'mount-relative': ['invalid', ({ subject }) => `Cannot mount at ${subject}: the path is not absolute`],
  'mount-in-proc': [
    'invalid',
    ({ subject }) => `Cannot mount at ${subject}: it is inside /proc, which programs must be able to trust`,
  ],
  'bind-source-missing': ['invalid', ({ subject }) => `Cannot mount ${subject}: it does not exist`],
  'propagation-impossible': [
    'invalid',
    ({ subject, details }) =>
      `Cannot propagate mounts of ${subject}: ${details['mountPoint']} is not ${details['wanted']}`,
  ],
  'tmpfs-option-invalid': ['invalid', ({ subject }) => `Cannot mount a tmpfs: there is no option ${subject}`],
  'volume-part-unsupported': [
    'not-implemented',
    ({ subject }) => `Cannot mount a part of volume ${subject}: not supported yet`,
  ],

  // Runs and execs.
  'program-missing': ['invalid', ({ details }) => startProblem(details)],
  'program-not-executable': ['invalid', ({ details }) => startProblem(details)],
  'working-directory-is-file': [
    'invalid',
    ({ subject }) => `Cannot create container: its working directory ${subject} is no directory`,
  ],
  'no-working-directory': ['invalid', ({ details }) => startProblem(details)],
  'runtime-failed': ['internal', ({ details }) => startProblem(details)],
  'illegal-transition': [
    'conflict',
    ({ details }) => `Cannot change container: it is ${details['status']}, not to be ${details['event']}`,
  ],
  'wait-aborted': ['aborted', () => 'Cannot wait for container: the caller has left'],
  'process-abandoned': ['aborted', ({ subject }) => `Cannot finish process ${subject}: the caller has left`],
  'container-not-running': [
    'conflict',
    ({ subject }) => `Cannot do that with container ${subject}: it does not run`,
  ],
  'kill-of-stopped': ['conflict', ({ subject }) => `Cannot kill container ${subject}: it does not run`],
  'stop-of-stopped': ['not-modified', ({ subject }) => `Cannot stop container ${subject}: it does not run`],
  'stop-without-end': [
    'unavailable',
    ({ subject }) => `Cannot stop container ${subject}: not even SIGKILL ends it`,
  ],
  'start-of-running': ['not-modified', ({ subject }) => `Cannot start container ${subject}: it runs`],
  'start-of-paused': ['conflict', ({ subject }) => `Cannot start container ${subject}: it is paused`],
  'container-lost': [
    'conflict',
    ({ subject, details }) => `Cannot use container ${subject}: its snapshot is lost: ${details['damage']}`,
  ],
  'start-of-removed': ['conflict', ({ subject }) => `Cannot start container ${subject}: it is being removed`],
  'pause-of-paused': ['conflict', ({ subject }) => `Cannot pause container ${subject}: it is paused`],
  'unpause-of-unpaused': [
    'conflict',
    ({ subject }) => `Cannot unpause container ${subject}: it is not paused`,
  ],
  'attach-to-paused': ['conflict', ({ subject }) => `Cannot attach to container ${subject}: it is paused`],
  'remove-of-removed': [
    'conflict',
    ({ subject }) => `Cannot remove container ${subject}: it is being removed`,
  ],
  'remove-of-running': [
    'conflict',
    ({ subject, details }) => `Cannot remove container ${subject}: it is ${details['status']}`,
  ],
  'remove-failed': [
    'internal',
    ({ subject, details }) => `Cannot remove container ${subject}: ${details['problem']}`,
  ],
  'joined-not-running': [
    'conflict',
    ({ subject, details }) => `Cannot join the ${details['what']} of container ${subject}: it does not run`,
  ],
  'paused-for-exec': [
    'conflict',
    ({ subject }) => `Cannot run a process in container ${subject}: it is paused`,
  ],
  'exec-runs': ['conflict', ({ subject }) => `Cannot start exec ${subject}: it runs`],
  'exec-has-run': ['conflict', ({ subject }) => `Cannot start exec ${subject}: it has run`],
  'link-to-nothing': [
    'invalid',
    ({ subject }) => `Cannot link to container ${subject}: there is none; create it first`,
  ],
  'link-to-stopped': [
    'conflict',
    ({ subject, details }) =>
      `Cannot link to container ${subject} as ${details['alias']}: it does not run; start it first`,
  ],
  'name-is-no-link': [
    'conflict',
    ({ subject }) =>
      `Cannot remove link ${subject}: that is a container’s own name; a link is named CONTAINER/ALIAS`,
  ],
  'no-such-link': ['not-found', ({ subject }) => `Cannot remove link ${subject}: there is none`],
  'hosts-too-large': [
    'exhausted',
    ({ subject }) => `Cannot change ${subject}: the container has made it larger than 1 MiB`,
  ],
  'network-is-shared': [
    'invalid',
    ({ subject }) =>
      `Cannot change the networks of container ${subject}: it shares those of another container; change that one's`,
  ],
  'network-is-host': [
    'invalid',
    ({ subject }) =>
      `Cannot change the networks of container ${subject}: the host's own network stands alone`,
  ],
  'network-is-none': [
    'invalid',
    ({ subject }) =>
      `Cannot connect container ${subject}: network none stands alone; disconnect the container from the other first`,
  ],
  'update-of-removed': [
    'conflict',
    ({ subject }) => `Cannot update container ${subject}: it is being removed`,
  ],
  'update-cpus-and-period': [
    'conflict',
    ({ subject, details }) =>
      `Cannot update ${details['what']} of container ${subject}: it excludes its ${details['other']}`,
  ],
  'update-restart-of-removed': [
    'conflict',
    ({ subject }) =>
      `Cannot update restart policy of container ${subject}: the container is removed when it exits`,
  ],
  'update-memory-above-swap': [
    'conflict',
    ({ subject }) =>
      `Cannot update container ${subject}: the limit of memory exceeds that of swap, which includes it`,
  ],
  'update-refused': [
    'conflict',
    ({ subject, details }) => `Cannot update container ${subject}: ${details['problem']}`,
  ],

  'container-record-damaged': [
    'unavailable',
    ({ subject, details: { damage } }) =>
      `Cannot use container ${subject}: its record is damaged (${damage}); ` +
      'its log and its files can still be read (logs, cp), and rm removes it',
  ],

  // Queries: the value of the filter, or the arguments of ps.
  'filter-status-invalid': [
    'invalid',
    ({ subject, details }) => `Cannot list containers in state ${subject}: it is none of ${details['known']}`,
  ],
  'filter-exited-invalid': [
    'invalid',
    ({ subject }) => `Cannot list containers that exited with ${subject}: that is no number`,
  ],
  'filter-health-invalid': [
    'invalid',
    ({ subject }) => `Cannot list containers in health ${subject}: there is no such health`,
  ],
  'filter-port-invalid': [
    'invalid',
    ({ subject, details }) =>
      `Cannot list containers that ${details['name']} ${subject}: a port has no colon`,
  ],
  'ps-column-refused': [
    'invalid',
    ({ subject }) => `Cannot list processes with ${subject}: only the column pid may be called so`,
  ],
  'ps-failed': ['invalid', ({ details }) => `Cannot list processes: ps failed: ${details['problem']}`],
  'ps-without-pid': ['invalid', () => 'Cannot list processes: the output of ps has no column PID'],
});

export type ContainerErrorReason = keyof typeof CONTAINER_ERRORS;

export const containerError = defineErrors(CONTAINER_ERRORS);

function startProblem(details: MessageFacts['details']): string {
  return `Cannot start ${details['what'] === 'exec' ? 'process' : 'container'}: ${details['problem']}`;
}
