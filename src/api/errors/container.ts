import type { EngineError } from '#base/errors.ts';
import type { ContainerErrorReason } from '#container/container-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

const quote = JSON.stringify;

export const CONTAINER_ENTRIES: DockerEntries<ContainerErrorReason> = {
  'no-container-with-volumes': { message: ({ subject }) => `No such container: ${subject}` },
  'no-such-container': { message: ({ subject }) => `No such container: ${subject}` },
  'container-ambiguous': { message: ({ subject }) => `multiple IDs found with provided prefix: ${subject}` },
  'no-such-container-file': {
    message: ({ subject, details }) =>
      `Could not find the file ${subject} in container ${details['container']}`,
  },
  'no-such-exec': { message: ({ subject }) => `No such exec instance: ${subject}` },

  'container-name-invalid': {
    message: ({ subject }) =>
      `Invalid container name (${subject}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  },
  'container-name-taken': { message: ({ subject, details }) => nameTaken(subject, details['owner']) },

  'rename-without-name': { message: () => 'Neither old nor new names may be empty' },
  'rename-same-name': { message: () => 'Renaming a container with the same name as its current name' },
  'rename-name-taken': {
    message: ({ subject, details }) =>
      `Error when allocating new name: ${nameTaken(subject, details['owner'])}`,
  },

  'capability-unknown': {
    message: ({ subject = '', details }) =>
      `invalid ${details['list'] === 'add' ? 'CapAdd' : 'CapDrop'}: unknown capability: ${quote(subject)}`,
  },
  'capability-not-grantable': {
    message: ({ subject = '' }) =>
      `invalid CapAdd: capability not supported by your kernel: ${quote(subject)}`,
  },
  'seccomp-malformed': { message: ({ details }) => `Decoding seccomp profile failed: ${details['problem']}` },
  'seccomp-missing': 'plain',
  'no-such-user': {
    message: ({ subject }) => `unable to find user ${subject}: no matching entries in passwd file`,
  },
  'no-such-group': {
    message: ({ subject }) => `unable to find group ${subject}: no matching entries in group file`,
  },
  'no-such-added-group': {
    message: ({ subject }) => `Unable to find group ${subject}: no matching entries in group file`,
  },
  'id-out-of-range': { message: ({ details }) => `uids and gids must be in range 0-${details['maximum']}` },
  'interpreter-missing': 'plain',
  'program-cannot-run': 'plain',
  'nothing-to-run': { message: () => 'no command specified' },
  'hostname-long': {
    message: ({ subject = '', details }) =>
      `hostname ${quote(subject)} is too long (maximum ${details['maximum']} bytes)`,
  },
  'hostname-of-host': { message: () => 'conflicting options: hostname and the UTS mode' },
  'runtime-unknown': { message: ({ subject }) => `unknown or invalid runtime name: ${subject}` },
  'beyond-runtime': 'plain',
  'log-driver-unknown': {
    message: ({ subject, details }) => `${noLogDriver(subject)}; there are ${details['known']}`,
  },
  'log-driver-gone': { message: ({ subject }) => noLogDriver(subject) },
  'ulimit-unknown': { message: ({ subject }) => `invalid ulimit type: ${subject}` },
  'ulimit-above-hard': {
    message: ({ details }) =>
      `ulimit soft limit must be less than or equal to hard limit: ${details['soft']} > ${details['hard']}`,
  },
  'cpus-and-period': {
    message: () => 'Conflicting options: Nano CPUs and CPU Period cannot both be set',
  },
  'cpus-and-quota': { message: () => 'Conflicting options: Nano CPUs and CPU Quota cannot both be set' },
  'cpus-out-of-range': {
    message: ({ details: { available } }) =>
      `Range of CPUs is from 0.01 to ${available}.00, as there are only ${available} CPUs available`,
  },
  'cpuset-invalid': {
    message: ({ subject, details }) =>
      `Invalid value ${subject} for cpuset ${details['what']}: invalid format: ${subject}`,
  },
  'cpuset-unavailable': {
    message: ({ subject, details: { what, available } }) =>
      `Requested ${what === 'cpus' ? 'CPUs' : 'memory nodes'} are not available - requested ${subject}, available: ${available}`,
  },
  'swappiness-out-of-range': {
    message: ({ details }) =>
      `Invalid value: ${details['swappiness']}, valid memory swappiness range is 0-100`,
  },
  'cpu-shares-out-of-range': {
    message: ({ details: { shares = 0, minimum = 0, maximum } }) =>
      shares < minimum
        ? `the minimum allowed cpu-shares is ${minimum}`
        : `the maximum allowed cpu-shares is ${maximum}`,
  },
  'realtime-above-period': {
    message: () => 'cpu real-time runtime cannot be higher than cpu real-time period',
  },
  'realtime-unsupported': {
    message: () => 'Your kernel does not support CPU real-time scheduler',
  },
  'sysctl-of-machine': {
    message: ({ subject = '' }) => `sysctl ${quote(subject)} is not in a separate kernel namespace`,
  },
  'sysctl-of-host': {
    message: ({ subject = '', details: { namespace } }) =>
      namespace === 'network'
        ? `sysctl ${quote(subject)} not allowed in host network namespace`
        : `sysctl ${quote(subject)} is not allowed in the hosts ${namespace} namespace`,
  },
  'block-io-weight-out-of-range': {
    message: ({ details }) => `Range of blkio weight is from ${details['minimum']} to ${details['maximum']}`,
  },
  'storage-option-unsupported': 'plain',
  'no-container-to-join': { message: ({ subject }) => `No such container: ${subject}` },
  'cpu-period-out-of-range': {
    message: () => 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
  },
  'cpu-quota-low': { message: () => 'CPU cfs quota can not be less than 1ms (i.e. 1000)' },
  'memory-low': { message: () => 'Minimum memory limit allowed is 6MB' },
  'memory-reservation-low': { message: () => 'Minimum memory reservation allowed is 6MB' },
  'memory-below-reservation': {
    message: () => 'Minimum memory limit can not be less than memory reservation limit, see usage',
  },
  'swap-without-memory': {
    message: () => 'You should always set the Memory limit when using Memoryswap limit, see usage',
  },
  'swap-below-memory': {
    message: () => 'Minimum memoryswap limit should be larger than memory limit, see usage',
  },

  'device-missing': {
    message: ({ subject = '', details }) =>
      `error gathering device information while adding custom device ${quote(subject)}: ${details['problem']}`,
  },
  'device-access-invalid': { message: ({ subject }) => `invalid device mode: ${subject}` },
  'device-rule-invalid': { message: ({ subject }) => `invalid device cgroup rule format: '${subject}'` },
  'no-device-driver': {
    message: ({ subject = '', details }) =>
      `could not select device driver ${quote(subject)} with capabilities: [${details['capabilities']}]`,
  },
  'block-device-missing': 'plain',
  'mount-duplicate': { message: ({ subject }) => `Duplicate mount point: ${subject}` },
  'mount-at-root': { message: () => "invalid specification: destination can't be '/'" },
  'mount-relative': {
    message: ({ subject }) => `invalid mount path: '${subject}' mount path must be absolute`,
  },
  'mount-in-proc': {
    message: ({ subject = '' }) =>
      `invalid mount destination: ${quote(subject)} cannot be mounted because it is inside /proc`,
  },
  'bind-source-missing': {
    message: ({ subject }) =>
      `invalid mount config for type "bind": bind source path does not exist: ${subject}`,
  },
  'propagation-impossible': {
    message: ({ subject, details }) =>
      `path ${subject} is mounted on ${details['mountPoint']} but it is not ${details['wanted']}.`,
  },
  'tmpfs-option-invalid': { message: ({ subject = '' }) => `invalid tmpfs option ${quote(subject)}` },
  'volume-part-unsupported': 'plain',

  'program-missing': { message: runtimeText },
  'program-not-executable': { message: runtimeText },
  'working-directory-is-file': { message: ({ subject }) => `Cannot mkdir: ${subject} is not a directory` },
  'no-working-directory': { message: runtimeText },
  'runtime-failed': { message: runtimeText },
  'illegal-transition': 'plain',
  'wait-aborted': { message: () => 'context canceled' },
  'process-abandoned': 'plain',

  'joined-not-running': {
    message: ({ subject, details }) =>
      `cannot join ${details['what']} of a non running container: ${subject}`,
  },
  'container-not-running': { message: ({ subject }) => notRunning(subject) },
  'kill-of-stopped': { message: ({ details }) => notRunning(details['id']) },
  'stop-of-stopped': { message: () => 'container is already stopped' },
  'stop-without-end': { message: ({ subject }) => `cannot stop container: ${subject}: it does not die` },
  'start-of-running': { message: () => 'container is already running' },
  'start-of-paused': { message: () => 'cannot start a paused container, try unpause instead' },
  'container-lost': 'plain',
  'start-of-removed': { message: () => 'container is marked for removal and cannot be started' },
  'pause-of-paused': { message: ({ subject }) => `container ${subject} is already paused` },
  'unpause-of-unpaused': { message: ({ subject }) => `Container ${subject} is not paused` },
  'attach-to-paused': {
    message: ({ subject }) => `container ${subject} is paused, unpause the container before attach`,
  },
  'remove-of-removed': { message: ({ subject }) => `removal of container ${subject} is already in progress` },
  'remove-of-running': {
    message: ({ subject, details }) =>
      `cannot remove container "/${subject}": ${
        details['status'] === 'paused'
          ? 'container is paused and must be unpaused first'
          : `container is ${details['status']}: stop the container before removing or force remove`
      }`,
  },
  'remove-failed': {
    message: ({ subject, details }) => `cannot remove container "/${subject}": ${details['problem']}`,
  },
  'paused-for-exec': {
    message: ({ subject }) => `Container ${subject} is paused, unpause the container before exec`,
  },
  'exec-runs': { message: ({ subject }) => `exec command ${subject} is already running` },
  'exec-has-run': { message: ({ subject }) => `exec command ${subject} has already run` },
  'link-to-nothing': {
    message: ({ subject }) => `could not get container for ${subject}: No such container: ${subject}`,
  },
  'link-to-stopped': {
    status: 500,
    message: ({ subject, details }) =>
      `Cannot link to a non running container: /${subject} AS /${details['alias']}`,
  },
  'name-is-no-link': { message: () => 'Conflict, cannot remove the default link name of the container' },
  'no-such-link': { message: ({ subject }) => `No such container: ${subject}` },
  'hosts-too-large': 'plain',
  'network-is-shared': {
    message: () =>
      'container sharing network namespace with another container or host cannot be connected to any other network',
  },
  'network-is-host': {
    message: () => 'container cannot be disconnected from host network or connected to host network',
  },
  'network-is-none': {
    message: () =>
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
  },
  'update-of-removed': {
    message: ({ subject }) =>
      `Cannot update container ${subject}: container is marked for removal and cannot be "update"`,
  },
  'update-cpus-and-period': {
    message: ({ subject, details }) =>
      `Cannot update container ${subject}: Conflicting options: ${details['what']} cannot be updated as ${details['other']} has already been set`,
  },
  'update-restart-of-removed': {
    message: ({ subject }) =>
      `Cannot update container ${subject}: Restart policy cannot be updated because AutoRemove is enabled for the container`,
  },
  'update-memory-above-swap': {
    message: ({ subject }) =>
      `Cannot update container ${subject}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
  },
  'update-refused': { status: 500 },

  'container-record-damaged': 'plain',

  'filter-status-invalid': {
    message: ({ subject = '', details }) =>
      `invalid filter 'status=${subject}': invalid value for state (${quote(subject)}): must be one of ${details['known']}`,
  },
  'filter-exited-invalid': {
    message: ({ subject = '' }) =>
      `invalid filter 'exited=${subject}': strconv.Atoi: parsing ${quote(subject)}: invalid syntax`,
  },
  'filter-health-invalid': { message: ({ subject }) => `invalid filter 'health=${subject}'` },
  'filter-port-invalid': {
    message: ({ subject, details }) => `filter for '${details['name']}' should not contain ':': ${subject}`,
  },
  'ps-column-refused': { message: ({ subject = '' }) => `specifying ${quote(subject)} is not allowed` },
  'ps-failed': { status: 500, message: ({ details }) => `ps: ${details['problem']}` },
  'ps-without-pid': { message: () => "Couldn't find PID field in ps output" },
};

const START = 'unable to start container process: ';
const PREFIXES = {
  container:
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ',
  exec: 'OCI runtime exec failed: exec failed: ',
};

/** Docker's clients choose their own exit code by these words. */
function runtimeText({ details: { what, problem } }: EngineError): string {
  return `${PREFIXES[what === 'exec' ? 'exec' : 'container']}${START}${problem}: unknown`;
}

function noLogDriver(name = ''): string {
  return `logger: no log driver named '${name}' is registered`;
}

function nameTaken(name = '', owner: string | number = ''): string {
  return (
    `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
    'You have to remove (or rename) that container to be able to reuse that name.'
  );
}

function notRunning(id: string | number | undefined): string {
  return `container ${id} is not running`;
}
