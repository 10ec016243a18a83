/** Mounts of `-v`, `--mount`, `--tmpfs` and `--volumes-from` as the API has them, with Docker's checks and texts. */
import { posix } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import type { MountsSpec } from '#container/container-spec.ts';
import type { BindMountSpec, MountSpec, TmpfsMountSpec, VolumeMountSpec } from '#container/mount-spec.ts';
import { isMountOptions, isPropagationOption, parseVolumeText, type VolumeText } from '#syntax/volume.ts';
import type { ContainerConfig } from '#wire/container-config.ts';
import type { HostConfig, MountRequest } from '#wire/host-config.ts';
import { apiVersion, NEWEST_API_VERSION } from '#wire/versions.ts';

/** The first version in which read-only binds are read-only all the way down. */
const RECURSIVE_READ_ONLY = apiVersion('1.44');

/** Where a request came from; it decides what happens to bind sources that do not exist. */
interface Origin {
  /** The options of a `-v`, as given. */
  readonly mode: string;
  readonly createSource: boolean;
  /** `HostConfig.VolumeDriver` */
  readonly volumeDriver: string;
}

/** @throws {EngineError} `invalid`, with Docker's texts */
export function mountsOfRequest(
  { Volumes }: Pick<ContainerConfig, 'Volumes'>,
  host: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>,
  version = NEWEST_API_VERSION,
): MountsSpec {
  const { VolumeDriver } = host;
  const requested = [
    ...(host.Binds ?? []).map((bind) => mountOfBind(bind, VolumeDriver)),
    ...(host.Mounts ?? []).map((mount) => mountOfRequest(mount, VolumeDriver)),
  ];
  const mounts = version < RECURSIVE_READ_ONLY ? requested.map(readOnlyAtTopOnly) : requested;
  return {
    mounts: [...tmpfsFlags(host.Tmpfs ?? {}, requested), ...mounts],
    from: (host.VolumesFrom ?? []).map(volumesFrom),
    anonymous: Object.keys(Volumes ?? {}),
    ...(VolumeDriver !== '' && { volumeDriver: VolumeDriver }),
  };
}

/** What is mounted below a read-only bind could be written to. */
function readOnlyAtTopOnly(mount: MountSpec): MountSpec {
  return mount.type === 'bind' ? { ...mount, recursiveReadOnly: false } : mount;
}

/** A `--mount type=tmpfs` takes the place of a `--tmpfs`; any other two at one place are a mistake. */
function tmpfsFlags(
  flags: Readonly<Record<string, string>>,
  requested: readonly MountSpec[],
): readonly TmpfsMountSpec[] {
  const replaced = new Set(
    requested.filter(({ type }) => type === 'tmpfs').map(({ target }) => posix.normalize(target)),
  );
  return Object.entries(flags)
    .filter(([target]) => !replaced.has(posix.normalize(target)))
    .map(([target, text]) => {
      const problem = destinationProblem(target);
      if (problem) throw new EngineError('invalid', problem);
      const options = text === '' ? [] : text.split(',');
      return { type: 'tmpfs', target, readOnly: options.includes('ro'), options, shown: false };
    });
}

function volumesFrom(from: string): MountsSpec['from'][number] {
  if (from === '') throw new EngineError('invalid', 'volumes-from specification cannot be an empty string');
  const colon = from.indexOf(':');
  const container = colon < 0 ? from : from.slice(0, colon);
  const mode = colon < 0 ? '' : from.slice(colon + 1);
  if (!isMountOptions(mode) || /nocopy|private|shared|slave/.test(mode)) {
    throw new EngineError('invalid', `invalid mode: ${mode}`);
  }
  return { container, readOnly: mode.split(',').includes('ro') };
}

function mountOfRequest(request: MountRequest, volumeDriver: string): MountSpec {
  checkOptionsFitType(request);
  const createSource = request.BindOptions?.CreateMountpoint ?? false;
  return mountOfValidated(request, { mode: '', createSource, volumeDriver });
}

/** `[source:]destination[:options]`; a source that is no absolute path is a volume's name. */
function mountOfBind(specification: string, volumeDriver: string): MountSpec {
  const written = parseVolumeText(specification);
  const mode = written.options;
  try {
    return mountOfValidated(requestOf(written), { mode, createSource: true, volumeDriver });
  } catch (error) {
    if (!(error instanceof InvalidMount)) throw error;
    const text = `invalid volume specification: '${specification}': ${messageOf(error)}`;
    throw new EngineError('invalid', text);
  }
}

function requestOf({ source, target, readOnly, noCopy, propagation }: VolumeText): MountRequest {
  if (source === undefined) return { Type: 'volume', Target: target };
  return {
    Type: source.startsWith('/') ? 'bind' : 'volume',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
    ...(noCopy ? { VolumeOptions: { NoCopy: true } } : {}),
  };
}

/** Wrong in itself; where it came from as `-v`, the message names that as well. */
class InvalidMount extends EngineError {
  constructor(request: MountRequest, problem: string) {
    super('invalid', `invalid mount config for type ${JSON.stringify(request.Type)}: ${problem}`);
  }
}

const OPTIONS = { bind: 'BindOptions', volume: 'VolumeOptions', tmpfs: 'TmpfsOptions' } as const;

function checkOptionsFitType(request: MountRequest): void {
  for (const [type, field] of Object.entries(OPTIONS)) {
    if (request[field as keyof MountRequest] && type !== request.Type && request.Type in OPTIONS) {
      throw new EngineError(
        'invalid',
        `${field} must not be specified on mount type ${JSON.stringify(request.Type)}`,
      );
    }
  }
}

function mountOfValidated(request: MountRequest, origin: Origin): MountSpec {
  switch (request.Type) {
    case 'bind':
      checkTarget(request);
      return bindMount(request, origin);
    case 'volume':
      checkTarget(request);
      return volumeMount(request, origin);
    case 'tmpfs':
      checkTarget(request);
      return tmpfsMount(request);
    case '':
      checkTarget(request);
      throw new InvalidMount(request, 'mount type unknown');
    case 'cluster':
    case 'image':
    case 'npipe':
      throw new InvalidMount(request, 'mount type unknown');
  }
}

function checkTarget(request: MountRequest): void {
  if (!request.Target) throw new InvalidMount(request, 'field Target must not be empty');
  const problem = destinationProblem(request.Target);
  if (problem) throw new InvalidMount(request, problem);
}

/** Docker's words for a path at which nothing can be mounted. */
function destinationProblem(destination: string): string | undefined {
  if (posix.normalize(destination) === '/') return "invalid specification: destination can't be '/'";
  return absoluteProblem(destination);
}

function absoluteProblem(path: string): string | undefined {
  return path.startsWith('/') ? undefined : `invalid mount path: '${path}' mount path must be absolute`;
}

function bindMount(request: MountRequest, origin: Origin): BindMountSpec {
  if (!request.Source) throw new InvalidMount(request, 'field Source must not be empty');
  const propagation = request.BindOptions?.Propagation || 'rprivate';
  if (!isPropagationOption(propagation))
    throw new InvalidMount(request, `invalid propagation mode: ${propagation}`);
  if (request.VolumeOptions) throw new InvalidMount(request, 'field VolumeOptions must not be specified');
  const problem = absoluteProblem(request.Source);
  if (problem) throw new InvalidMount(request, problem);
  return {
    type: 'bind',
    target: request.Target,
    readOnly: request.ReadOnly ?? false,
    source: request.Source,
    createsSource: origin.createSource,
    recursive: !request.BindOptions?.NonRecursive,
    recursiveReadOnly: !request.BindOptions?.ReadOnlyNonRecursive,
    propagation,
    writtenOptions: origin.mode,
  };
}

function volumeMount(request: MountRequest, origin: Origin): VolumeMountSpec {
  if (request.BindOptions) throw new InvalidMount(request, 'field BindOptions must not be specified');
  const anonymous = !request.Source;
  if (anonymous && request.ReadOnly) {
    throw new InvalidMount(request, 'must not set ReadOnly mode when using anonymous volumes');
  }
  const { DriverConfig, Labels, Subpath, NoCopy } = request.VolumeOptions ?? {};
  const driver = DriverConfig?.Name || origin.volumeDriver || 'local';
  return {
    type: 'volume',
    target: request.Target,
    readOnly: request.ReadOnly ?? false,
    ...(request.Source && { name: request.Source }),
    driver,
    ...(DriverConfig?.Options && { driverOptions: DriverConfig.Options }),
    ...(Labels && { labels: Labels }),
    ...(Subpath && { subpath: Subpath }),
    copyUp: !NoCopy,
    writtenOptions: origin.mode === '' && driver === 'local' ? 'z' : origin.mode,
  };
}

function tmpfsMount(request: MountRequest): TmpfsMountSpec {
  if (request.BindOptions) throw new InvalidMount(request, 'field BindOptions must not be specified');
  if (request.Source) throw new InvalidMount(request, 'field Source must not be specified');
  if (request.VolumeOptions) throw new InvalidMount(request, 'field VolumeOptions must not be specified');
  const { Mode: mode = 0, SizeBytes: size = 0, Options: others } = request.TmpfsOptions ?? {};
  if (size < 0) throw new InvalidMount(request, `size cannot be negative: ${size}`);
  const options = [
    ...(mode > 0 ? [`mode=${mode.toString(8)}`] : []),
    ...(size > 0 ? [`size=${size}`] : []),
    ...(others ?? []).map((option) => tmpfsOption(request, option ?? [])),
  ];
  return { type: 'tmpfs', target: request.Target, readOnly: request.ReadOnly ?? false, options, shown: true };
}

/** A name, or a name and its value. */
function tmpfsOption(request: MountRequest, option: readonly string[]): string {
  if (option.length === 1 || option.length === 2) return option.join('=');
  throw new InvalidMount(request, 'invalid option array length');
}
