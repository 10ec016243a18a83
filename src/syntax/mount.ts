/** `--mount type=bind,source=/a,target=/b,readonly`, field by field as Docker's command line reads it. */
import { EngineError } from '#base/errors.ts';
import { parseCsvRecord } from './csv-record.ts';
import { parseMemorySize } from './memory-size.ts';

const TYPES = ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'] as const;

type MountType = (typeof TYPES)[number];

/** What was written; absent is not said. */
export interface MountFields {
  readonly type: MountType;
  /** As written: it may be relative. */
  readonly source?: string;
  readonly target: string;
  readonly readOnly?: boolean;
  readonly consistency?: string;
  readonly bind?: BindFields;
  readonly volume?: VolumeFields;
  readonly tmpfs?: TmpfsFields;
}

interface BindFields {
  readonly propagation?: string;
  readonly nonRecursive?: boolean;
  readonly createsSource?: boolean;
  readonly readOnlyNonRecursive?: boolean;
  readonly readOnlyForceRecursive?: boolean;
}

interface VolumeFields {
  readonly noCopy?: boolean;
  readonly subpath?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

interface TmpfsFields {
  readonly sizeBytes?: number;
  readonly mode?: number;
}

/** @throws {EngineError} `invalid`, saying which field is wrong */
export function parseMount(text: string): MountFields {
  const mount = parseCsvRecord(text).reduce(withField, { type: 'volume', target: '' } as MountFields);
  if (mount.target === '') throw invalid('target is required');
  for (const kind of ['bind', 'volume', 'tmpfs'] as const)
    if (mount.type !== kind && mount[kind])
      throw invalid(`cannot mix '${kind}-*' options with mount type '${mount.type}'`);
  return mount;
}

type Reader = (mount: MountFields, value: string, field: string) => MountFields;

const bind = (fields: (value: string, field: string) => BindFields): Reader => {
  return (mount, value, field) => ({ ...mount, bind: { ...mount.bind, ...fields(value, field) } });
};
const volume = (fields: (value: string, before: VolumeFields, field: string) => VolumeFields): Reader => {
  return (mount, value, field) => {
    const before = mount.volume ?? {};
    return { ...mount, volume: { ...before, ...fields(value, before, field) } };
  };
};
const tmpfs = (fields: (value: string) => TmpfsFields): Reader => {
  return (mount, value) => ({ ...mount, tmpfs: { ...mount.tmpfs, ...fields(value) } });
};

const READERS: Readonly<Record<string, Reader>> = {
  type: (mount, value) => ({ ...mount, type: mountType(value.toLowerCase()) }),
  source: (mount, value) => ({ ...mount, source: value }),
  target: (mount, value) => ({ ...mount, target: value }),
  readonly: (mount, value, field) => ({ ...mount, readOnly: booleanOf(value, field) }),
  consistency: (mount, value) => ({ ...mount, consistency: value.toLowerCase() }),
  'bind-propagation': bind((value) => ({ propagation: value.toLowerCase() })),
  'bind-nonrecursive': bind((value, field) => ({ nonRecursive: booleanOf(value, field) })),
  'bind-recursive': bind(recursionOf),
  'bind-create-src': bind((value, field) => ({ createsSource: booleanOf(value, field) })),
  'volume-nocopy': volume((value, _, field) => ({ noCopy: booleanOf(value, field) })),
  'volume-subpath': volume((value) => ({ subpath: value })),
  'volume-label': volume((value, { labels }) => ({ labels: { ...labels, ...pairOf(value) } })),
  'volume-driver': volume((value) => ({ driver: value })),
  'volume-opt': volume((value, { driverOptions }) => ({
    driverOptions: { ...driverOptions, ...pairOf(value) },
  })),
  'tmpfs-size': tmpfs((value) => ({ sizeBytes: parseMemorySize(value) })),
  'tmpfs-mode': tmpfs((value) => ({ mode: octal(value) })),
};

const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};

/** Fields that mean yes where they have no value. */
const SWITCHES: ReadonlySet<string> = new Set([
  'readonly',
  'volume-nocopy',
  'bind-nonrecursive',
  'bind-create-src',
]);

function withField(mount: MountFields, field: string): MountFields {
  const equals = field.indexOf('=');
  const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  const key = ALIASES[written] ?? written;
  if (equals < 0 && !SWITCHES.has(key)) throw invalid(`invalid field '${field}' must be a key=value pair`);
  const reader = READERS[key];
  if (!reader) throw invalid(`unexpected key '${written}' in '${field}'`);
  return reader(mount, equals < 0 ? 'true' : field.slice(equals + 1), field);
}

function mountType(text: string): MountType {
  const type = TYPES.find((known) => known === text);
  if (!type) throw invalid(`invalid mount type '${text}': it is to be bind, volume or tmpfs`);
  return type;
}

function recursionOf(value: string): BindFields {
  if (value === 'enabled') return {};
  if (value === 'disabled') return { nonRecursive: true };
  if (value === 'writable') return { readOnlyNonRecursive: true };
  if (value === 'readonly') return { readOnlyForceRecursive: true };
  throw invalid(
    `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
  );
}

function pairOf(pair: string): Readonly<Record<string, string>> {
  const equals = pair.indexOf('=');
  return equals < 0 ? { [pair]: '' } : { [pair.slice(0, equals)]: pair.slice(equals + 1) };
}

function booleanOf(value: string, field: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw invalid(`invalid value for ${field.split('=')[0]}: ${value}`);
}

function octal(value: string): number {
  if (!/^[0-7]+$/.test(value)) throw invalid(`invalid value for tmpfs-mode: ${value}`);
  return Number.parseInt(value, 8);
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
