/** `-v [SOURCE:]TARGET[:OPTIONS]`. */
import { EngineError } from '#base/errors.ts';

/** mount_namespaces(7) */
export type PropagationOption = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

export interface VolumeText {
  /** An absolute path of the host or the name of a volume; absent: a volume without a name. */
  readonly source?: string;
  readonly target: string;
  /** As written, `ro,z`; empty without any. */
  readonly options: string;
  readonly readOnly: boolean;
  readonly noCopy: boolean;
  readonly propagation?: PropagationOption;
}

/** @throws {EngineError} `invalid` with Docker's texts */
export function parseVolumeText(text: string): VolumeText {
  const parts = text.split(':');
  const [first = '', second, options = ''] = parts;
  if (
    first === '' ||
    parts.length > 3 ||
    (parts.length === 2 && second !== undefined && isMountOptions(second))
  )
    throw new EngineError('invalid', `invalid volume specification: '${text}'`);
  if (second === undefined) return { target: first, options: '', readOnly: false, noCopy: false };
  if (!isMountOptions(options)) throw new EngineError('invalid', `invalid mode: ${options}`);
  const given = options.split(',');
  const propagation = given.find(isPropagationOption);
  return {
    source: first,
    target: second,
    options,
    readOnly: given.includes('ro'),
    noCopy: given.includes('nocopy'),
    ...(propagation !== undefined && { propagation }),
  };
}

export function isPropagationOption(text: string): text is PropagationOption {
  return /^r?(?:private|shared|slave)$/.test(text);
}

/** Options of which at most one may be given. */
const EXCLUSIVE: readonly ((option: string) => boolean)[] = [
  (option) => option === 'rw' || option === 'ro',
  (option) => option === 'z' || option === 'Z',
  (option) => option === 'nocopy',
  (option) => ['consistent', 'cached', 'delegated'].includes(option),
  isPropagationOption,
];

/** True for a valid list of options, the empty one too. */
export function isMountOptions(text: string): boolean {
  if (text === '') return true;
  const options = text.split(',');
  return (
    options.every((option) => EXCLUSIVE.some((belongs) => belongs(option))) &&
    EXCLUSIVE.every((belongs) => options.filter(belongs).length <= 1)
  );
}
