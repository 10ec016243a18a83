import { posix } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { ANONYMOUS_LABEL, checkVolumeName } from '#volume/volume-name.ts';
import type { MountRequest } from '#wire/container.ts';
import {
  isPropagation,
  type PlannedBind,
  type PlannedMount,
  type PlannedTmpfs,
  type PlannedVolume,
} from './mount-plan.ts';
import { mergeTmpfsOptions } from './tmpfs-options.ts';

/** Where a request came from; it decides what happens to bind sources that do not exist. */
interface Origin {
  /** The options of a `-v`, as given. */
  readonly mode: string;
  readonly createSource: boolean;
  /** `HostConfig.VolumeDriver` */
  readonly volumeDriver: string;
}

/**
 * Decides one `--mount`.
 *
 * @throws {EngineError} `invalid`, with Docker's words
 */
export function planMountRequest(request: MountRequest, volumeDriver: string): PlannedMount {
  checkOptionsFitType(request);
  const createSource = request.BindOptions?.CreateMountpoint ?? false;
  return planValidated(request, { mode: '', createSource, volumeDriver });
}

/**
 * Decides one `-v`: `[source:]destination[:options]`; a source that is no absolute path is a volume's name.
 *
 * @throws {EngineError} `invalid`, with Docker's words
 */
export function planBind(specification: string, volumeDriver: string): PlannedMount {
  const request = parseBind(specification);
  const mode = specification.split(':')[2] ?? '';
  try {
    return planValidated(request, { mode, createSource: true, volumeDriver });
  } catch (error) {
    if (error instanceof InvalidMount) throw invalidSpecification(specification, `: ${messageOf(error)}`);
    throw error;
  }
}

function invalidSpecification(specification: string, detail = ''): EngineError {
  return new EngineError('invalid', `invalid volume specification: '${specification}'${detail}`);
}

function parseBind(specification: string): MountRequest {
  const parts = specification.split(':');
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3) throw invalidSpecification(specification);
  if (second === undefined) return { Type: 'volume', Target: first };
  if (parts.length === 2 && isMode(second)) throw invalidSpecification(specification);
  if (!isMode(mode)) throw new EngineError('invalid', `invalid mode: ${mode}`);
  const options = mode.split(',');
  const propagation = options.find(isPropagation);
  return {
    Type: first.startsWith('/') ? 'bind' : 'volume',
    Source: first,
    Target: second,
    ReadOnly: options.includes('ro'),
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
    ...(options.includes('nocopy') ? { VolumeOptions: { NoCopy: true } } : {}),
  };
}

/** Options of which at most one may be given. */
const EXCLUSIVE: readonly ((option: string) => boolean)[] = [
  (option) => option === 'rw' || option === 'ro',
  (option) => option === 'z' || option === 'Z',
  (option) => option === 'nocopy',
  (option) => ['consistent', 'cached', 'delegated'].includes(option),
  isPropagation,
];

/** True for a valid list of options, the empty one too. */
export function isMode(mode: string): boolean {
  if (mode === '') return true;
  const options = mode.split(',');
  return (
    options.every((option) => EXCLUSIVE.some((belongs) => belongs(option))) &&
    EXCLUSIVE.every((belongs) => options.filter(belongs).length <= 1)
  );
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

function planValidated(request: MountRequest, origin: Origin): PlannedMount {
  switch (request.Type) {
    case 'bind':
      checkTarget(request);
      return planBindMount(request, origin);
    case 'volume':
      checkTarget(request);
      return planVolume(request, origin);
    case 'tmpfs':
      checkTarget(request);
      return planTmpfs(request);
    default:
      throw new InvalidMount(request, 'mount type unknown');
  }
}

function checkTarget(request: MountRequest): void {
  if (!request.Target) throw new InvalidMount(request, 'field Target must not be empty');
  const problem = destinationProblem(request.Target);
  if (problem) throw new InvalidMount(request, problem);
}

/** Docker's words for a path at which nothing can be mounted. */
export function destinationProblem(destination: string): string | undefined {
  if (posix.normalize(destination) === '/') return "invalid specification: destination can't be '/'";
  return absoluteProblem(destination);
}

function absoluteProblem(path: string): string | undefined {
  return path.startsWith('/') ? undefined : `invalid mount path: '${path}' mount path must be absolute`;
}

/** A path without `.`, `..`, doubled and trailing slashes. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function planBindMount(request: MountRequest, origin: Origin): PlannedBind {
  if (!request.Source) throw new InvalidMount(request, 'field Source must not be empty');
  const propagation = request.BindOptions?.Propagation || 'rprivate';
  if (!isPropagation(propagation))
    throw new InvalidMount(request, `invalid propagation mode: ${propagation}`);
  if (request.VolumeOptions) throw new InvalidMount(request, 'field VolumeOptions must not be specified');
  const problem = absoluteProblem(request.Source);
  if (problem) throw new InvalidMount(request, problem);
  return {
    type: 'bind',
    destination: cleanPath(request.Target),
    source: cleanPath(request.Source),
    readonly: request.ReadOnly ?? false,
    readonlyRecursive: !request.BindOptions?.ReadOnlyNonRecursive,
    recursive: !request.BindOptions?.NonRecursive,
    propagation,
    mode: origin.mode,
    createSource: origin.createSource,
  };
}

export function missingBindSource(source: string): EngineError {
  return new InvalidMount({ Type: 'bind', Target: '' }, `bind source path does not exist: ${source}`);
}

function planVolume(request: MountRequest, origin: Origin): PlannedVolume {
  if (request.BindOptions) throw new InvalidMount(request, 'field BindOptions must not be specified');
  const anonymous = !request.Source;
  if (anonymous && request.ReadOnly) {
    throw new InvalidMount(request, 'must not set ReadOnly mode when using anonymous volumes');
  }
  if (request.VolumeOptions?.Subpath) {
    throw new EngineError(
      'not-implemented',
      `Cannot mount a part of volume ${request.Source}: not supported yet`,
    );
  }
  const name = request.Source || newId();
  checkVolumeName(name);
  const options = request.VolumeOptions;
  const driver = options?.DriverConfig?.Name || origin.volumeDriver || 'local';
  return {
    type: 'volume',
    destination: cleanPath(request.Target),
    name,
    driver,
    request: {
      name,
      driver,
      ...(options?.DriverConfig?.Options ? { driverOptions: options.DriverConfig.Options } : {}),
      ...volumeLabels(options?.Labels, anonymous),
    },
    anonymous,
    readonly: request.ReadOnly ?? false,
    mode: origin.mode === '' && driver === 'local' ? 'z' : origin.mode,
    copyUp: !options?.NoCopy,
  };
}

type Labels = Readonly<Record<string, string>>;

function volumeLabels(labels: Labels | null | undefined, anonymous: boolean): { readonly labels?: Labels } {
  if (anonymous) return { labels: { ...labels, [ANONYMOUS_LABEL]: '' } };
  return labels ? { labels } : {};
}

function planTmpfs(request: MountRequest): PlannedTmpfs {
  if (request.BindOptions) throw new InvalidMount(request, 'field BindOptions must not be specified');
  if (request.Source) throw new InvalidMount(request, 'field Source must not be specified');
  if (request.VolumeOptions) throw new InvalidMount(request, 'field VolumeOptions must not be specified');
  const { Mode: mode = 0, SizeBytes: size = 0 } = request.TmpfsOptions ?? {};
  const options = [
    ...(mode > 0 ? [`mode=${mode.toString(8)}`] : []),
    ...(size > 0 ? [`size=${size}`] : []),
    ...(request.ReadOnly ? ['ro'] : []),
  ];
  return {
    type: 'tmpfs',
    destination: cleanPath(request.Target),
    readonly: request.ReadOnly ?? false,
    options: mergeTmpfsOptions(options),
    shown: true,
  };
}
