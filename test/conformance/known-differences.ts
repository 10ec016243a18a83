/**
 * The differences from Debian's dockerd that are meant, or come from its age, each with its reason. A run of all
 * scenarios fails on one that does not occur any more. What is meant is also in `docs/differences.md`.
 */
import type { Difference } from './compare.ts';

export interface KnownDifference {
  readonly reason: string;
  /** What all of these fit: the request, the field, and what the two say. */
  readonly request?: RegExp;
  readonly field?: RegExp;
  readonly docker?: RegExp;
  readonly ours?: RegExp;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: 'the two are different programs, of different versions, with other drivers and settings',
    request: /GET \/(info|version)$/,
    field:
      /^body\.(ID|DriverStatus|Plugins|KernelMemory|KernelMemoryTCP|LoggingDriver|ServerVersion|Runtimes|DefaultRuntime|LiveRestoreEnabled|\w+Commit|RegistryConfig\.InsecureRegistryCIDRs|Platform|Components|Version|ApiVersion|GitCommit|GoVersion|BuildTime)\b/,
  },
  {
    reason: 'the bridges of the two have other names, subnets and sizes',
    request: /GET \/networks/,
    field:
      /Options\.com\.docker\.network\.(bridge\.(name|enable_ip_masquerade)|driver\.mtu)$|IPAM\.Config\[0\]\.Subnet$/,
  },
  {
    reason: 'dockerd 26 answers 500 to mistakes of the client that it gave no status',
    field: /^status$/,
    docker: /^500$/,
    ours: /^4\d\d$/,
  },
  {
    reason: 'dockerd 26 takes some mistakes for no mistakes, and answers 200 with nothing',
    request: /POST \/images\/bb\/tag$|GET \/images\/search\?term=x&limit=-1$|GET \/images\/get$/,
    field: /^status$/,
    ours: /^\{"status":400/,
  },
  {
    reason: 'texts are those of newer versions of Docker',
    request:
      /POST \/containers\/states-b\/pause$|filters=%7B%22status%22%3A%5B%22nope%22|filters=%7B%22health%22%3A%5B%22nope%22/,
    field: /^body\.message$/,
  },
  {
    reason: 'a filter is refused in one way by all endpoints',
    request: /filters=/,
    field: /^(body\.message|status)$/,
    ours: /invalid (filter|port specification|proto)|syntax error in pattern|filters expect only one value|time: invalid duration/,
  },
  {
    reason: 'of several times the last counts',
    request: /POST \/images\/prune.*%22until%22%3A%5B%221h/,
    field: /^status$/,
  },
  {
    reason: 'dockerd 26 gives the filter `all` to clients before 1.42, and then refuses it from them',
    request: /^pruned volumes \(1\.41\).*"all":\["1"\]/,
    field: /^status$/,
  },
  {
    reason: 'attach tells errors as all other endpoints do',
    request: /POST \/containers\/\S+\/attach/,
    field: /^(contentType|body)$/,
    ours: /^"application\/json"$|^\{"message":/,
  },
  {
    reason: 'images are looked for by their whole names, whatever is asked of them',
    request: /GET \/images\/\S+\/get$|GET \/images\/get\?/,
    field: /^body\.message$/,
    ours: /^"No such image: /,
  },
  {
    reason: 'a name that no image can have is refused as such',
    request: /POST \/images\/\S+\/tag\?repo=zz$/,
    field: /^status$/,
    docker: /^404$/,
    ours: /^400$/,
  },
  {
    reason: 'errors say what could not be done, and why',
    request: /\/archive|\/images\/create|EXPOSE%20nope/,
    field: /^body\.message$/,
    ours: /^"(Cannot |bad parameter: path cannot|invalid containerPort|invalid reference format)/,
  },
  {
    reason: 'a command without words is one empty line of the shell',
    request: /images\/changed\/json$/,
    field: /^body\.Config\.Cmd$/,
    docker: /^\["\/bin\/sh","-c"\]$/,
  },
  {
    reason: 'errors of builds are worded as by BuildKit, or say what could not be done',
    request: /^wrong: (parameters of builds|Dockerfiles|contexts)/,
    field: /^body\.message$/,
    ours: /^"(Cannot |invalid |file with no instructions|(ENV|LABEL) must)/,
  },
  {
    reason: 'what is wrong in a Dockerfile is told before the first step',
    request: /^wrong: Dockerfiles/,
    field: /^status$/,
    docker: /^\{"status":200.*"errorDetail"/,
    ours: /^\{"status":400/,
  },
  {
    reason: 'a path that leads out of the context is not in it',
    request: /^wrong: Dockerfiles/,
    field: /\.(message|error)$/,
    docker: /forbidden path outside the build context/,
  },
  {
    reason: 'a context that is out of reach may be there later',
    request: /remote=http/,
    field: /^status$/,
    ours: /^503$/,
  },
  {
    reason: 'errors of registries name the registry and what failed',
    request: /\/auth|\/distribution\//,
    field: /^body\.message$/,
    ours: /Cannot reach registry|^"invalid JSON: /,
  },
  {
    reason: 'what was not asked for is left out, as in Docker 29',
    request: /GET \/system\/df\?type=/,
    docker: /^(null|0)$/,
    ours: /^undefined$/,
  },
  {
    reason: 'an empty list is one',
    field: /\.RepoDigests$/,
    docker: /^null$/,
    ours: /^\[\]$/,
  },
  {
    reason: 'the default runtime is crun',
    field: /^body\.HostConfig\.Runtime$/,
  },
  {
    reason: 'the list of masked paths is that of Docker 28',
    field: /^body\.HostConfig\.MaskedPaths$/,
  },
  {
    reason: 'the default driver of logs has no file for people',
    field: /^body\.LogPath$/,
  },
  {
    reason:
      'a sandbox is called after its container, and a container that does not run has none, as in Docker 29',
    field: /^body\.NetworkSettings\.Sandbox(ID|Key)$/,
  },
  {
    reason: 'a container that was not started has no files of its own, and no endpoints',
    request: /^starts that fail/,
    field: /(Path|EndpointID)$/,
    ours: /^""$/,
  },
  {
    reason: 'names are for networks on which they are served',
    field: /\.Networks\.none\.DNSNames$/,
    ours: /^null$/,
  },
  {
    reason: 'what the kernel counts is told whole, and lists are lists',
    request: /\/stats\?/,
    field: /^body\.(memory_stats\.stats|blkio_stats)\./,
  },
  {
    reason: 'dockerd 26 leaves them out of single samples',
    request: /one-shot=1$/,
    field: /^body\.(name|id)$/,
    docker: /^undefined$/,
  },
  {
    reason: 'files that wait for a mount have the mode of files',
    request: /GET \/containers\/files-a\/archive/,
    docker: /^"0 755 .*\/(hostname|hosts|resolv\.conf)"$/,
  },
  {
    reason:
      'an exec that is started twice is refused before the connection becomes its output, and not in it',
    request: /POST \/exec\/\{one\}\/start/,
    field: /^status$/,
    ours: /"status":409/,
  },
  {
    reason: 'the size of a terminal whose process has just ended is of no interest to anything',
    request: /POST \/exec\/\{one\}\/resize/,
    field: /^status$/,
    ours: /"status":200/,
  },
  {
    reason: 'a program that is not there is 127, as in newer versions of Docker',
    request: /GET \/exec\/\{three\}\/json$/,
    field: /^body\.ExitCode$/,
  },
  {
    reason: 'the keys that leave a terminal are refused in one way by all endpoints',
    request: /\/exec \{"Cmd":\["true"\],"DetachKeys":"nonsense"\}$/,
    field: /^body\.message$/,
  },
  {
    reason: 'an exec that was not started stays while its container does',
    request: /POST \/exec\/\{two\}\/start/,
    field: /^(status|body\.message)$/,
  },
  {
    reason: 'options of the driver of volumes are not implemented',
    request: /^volumes .*(vol-b|GET \/volumes(\?|$))/,
    field: /^(status|body\.Volumes)$/,
  },
  {
    reason: 'layers are no directories',
    request: /GET \/images\//,
    field: /^body\.GraphDriver\.Data$/,
  },
  {
    reason: 'the engine does not say that it is a version of Docker',
    field: /^body\.DockerVersion$/,
  },
  {
    reason: 'an image does not know the container that it was committed from',
    request: /images\/(committed|changed)\/json$/,
    field: /^body\.(Container|ContainerConfig\.\w+|Config\.(Hostname|Image))$/,
  },
  {
    reason: 'no labels are no labels',
    request: /committed|changed|^pruned images/,
    field: /\.Labels$/,
    docker: /^\{\}$/,
    ours: /^null$/,
  },
  {
    reason: 'events of images that are gone still have their labels',
    request: /"type":\["image"\]/,
    field: /\.Attributes\.team$/,
    docker: /^undefined$/,
  },
  {
    reason: 'a bind of what the engine itself keeps is shown as it was asked for',
    request: /^(mounts|options of) /,
    field: /\.Propagation$/,
    docker: /^"rslave"$/,
  },
  {
    reason: 'what cannot be is refused when a container is created, not when it is started',
    request: /^options of .*: POST \/containers\/create/,
    field: /^status$/,
    docker: /^\{"status":201/,
    ours: /invalid signal: 65|destination can't be '\/'|inside \/proc|invalid reference format|memory reservation|cpu-shares|blkio weight|invalid IPC mode: container:|user namespace mode|seccomp profile|separate kernel namespace|logging driver: (invalid size|max-file)|size cannot be negative|tmpfs option|nameserver|ulimit|host IP address|invalid proto|could not select device driver/,
  },
  {
    reason: 'it was refused, or accepted, by one of the two alone',
    request: /^options of .*: (GET|DELETE) \/containers\/option/,
    field: /^status$/,
    docker: /No such container: option|"status":20/,
    ours: /No such container: option|"status":20/,
  },
  {
    reason: 'what has no effect is warned about',
    request: /^options of /,
    field: /^body\.Warnings$/,
    ours: /has no effect|CPU count\. Count discarded/,
  },
  {
    reason: 'ports are told in full, as in Docker 29',
    request: /^options of /,
    field: /^body\.Config\.ExposedPorts\./,
  },
  {
    reason: 'paths of anonymous volumes are below the root',
    request: /^options of /,
    field: /Mounts\[\d+\]\.Destination$/,
    docker: /^"relative"$/,
  },
  {
    reason: 'no network at all is the network none',
    request: /^options of /,
    field: /^body\.NetworkSettings\.Networks\.none$/,
    docker: /^undefined$/,
  },
  {
    reason: 'all that is below zero is without limit',
    request: /^options of /,
    field: /^body\.HostConfig\.MemorySwap$/,
    docker: /^-2$/,
  },
  {
    reason: 'the engine gives processes no labels of SELinux',
    request: /^options of /,
    field: /^body\.HostConfig\.SecurityOpt$/,
    docker: /^\["label=disable"\]$/,
  },
  {
    reason: 'a container that shares a name shows it',
    request: /^options of /,
    field: /^body\.Config\.Hostname$/,
  },
  {
    reason: 'systempaths=unconfined is of the API, too',
    request: /systempaths=unconfined/,
    field: /^status$/,
    ours: /"status":201/,
  },
  {
    reason: 'storage options are refused in one way',
    request: /StorageOpt/,
    field: /^(status|body\.message)$/,
  },
  {
    reason: 'the driver of a container that asks for none is local',
    request: /LogConfig":\{"Type":"","Config":\{"nope"/,
    field: /^body\.message$/,
  },
  {
    reason: 'the drivers of logs that there are, are told',
    request: /LogConfig":\{"Type":"nope"/,
    field: /^body\.message$/,
  },
  {
    reason: 'the engine does not restart containers by itself yet',
    request: /^restart policy/,
    field: /^body\.Warnings$/,
  },
];

/** What no known difference explains. */
export function unexplained(differences: readonly Difference[]): readonly Difference[] {
  return differences.filter((each) => !KNOWN_DIFFERENCES.some((known) => explains(known, each)));
}

/** Those that explain nothing of what was found. */
export function unused(differences: readonly Difference[]): readonly KnownDifference[] {
  return KNOWN_DIFFERENCES.filter((known) => !differences.some((each) => explains(known, each)));
}

function explains({ request, field, docker, ours }: KnownDifference, difference: Difference): boolean {
  return (
    (request?.test(difference.request) ?? true) &&
    (field?.test(difference.field) ?? true) &&
    (docker?.test(String(difference.docker)) ?? true) &&
    (ours?.test(String(difference.ours)) ?? true)
  );
}
