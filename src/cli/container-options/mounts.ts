import { resolve } from 'node:path';
import type { MountRequest } from '#wire/container.ts';
import { parseMemory } from '../format/sizes.ts';
import { csvFields } from './csv.ts';

type Mutable<T> = {
  -readonly [Key in keyof T]: T[Key] extends object | undefined ? Mutable<NonNullable<T[Key]>> : T[Key];
};

/** One `--mount type=bind,source=…,target=…`. @throws {Error} saying which field is wrong */
export function parseMount(text: string): MountRequest {
  const draft: MountDraft = { mount: { Type: 'volume', Target: '' } };
  for (const field of csvFields(text)) readField(draft, field);
  const { mount } = draft;
  if (mount.Target === '') throw new Error('target is required');
  if (mount.Type !== 'bind' && draft.bind)
    throw new Error(`cannot mix 'bind-*' options with mount type '${mount.Type}'`);
  if (mount.Type !== 'volume' && draft.volume) {
    throw new Error(`cannot mix 'volume-*' options with mount type '${mount.Type}'`);
  }
  if (mount.Type !== 'tmpfs' && draft.tmpfs)
    throw new Error(`cannot mix 'tmpfs-*' options with mount type '${mount.Type}'`);
  return {
    ...mount,
    ...(draft.bind ? { BindOptions: draft.bind } : {}),
    ...(draft.volume ? { VolumeOptions: draft.volume } : {}),
    ...(draft.tmpfs ? { TmpfsOptions: draft.tmpfs } : {}),
  };
}

interface MountDraft {
  readonly mount: Mutable<Omit<MountRequest, 'BindOptions' | 'VolumeOptions' | 'TmpfsOptions'>>;
  bind?: Mutable<NonNullable<MountRequest['BindOptions']>>;
  volume?: VolumeDraft;
  tmpfs?: Mutable<NonNullable<MountRequest['TmpfsOptions']>>;
}

interface VolumeDraft {
  NoCopy?: boolean;
  Subpath?: string;
  Labels?: Record<string, string>;
  DriverConfig?: { Name?: string; Options?: Record<string, string> };
}

type FieldReader = (draft: MountDraft, value: string, field: string) => void;

const volumeOf = (draft: MountDraft): VolumeDraft => (draft.volume ??= {});
const driverOf = (draft: MountDraft): NonNullable<VolumeDraft['DriverConfig']> =>
  (volumeOf(draft).DriverConfig ??= {});

const FIELDS: Readonly<Record<string, FieldReader>> = {
  type: (draft, value) => void (draft.mount.Type = mountType(value.toLowerCase())),
  source: (draft, value) => void (draft.mount.Source = /^\.{1,2}(\/|$)/.test(value) ? resolve(value) : value),
  target: (draft, value) => void (draft.mount.Target = value),
  readonly: (draft, value, field) => void (draft.mount.ReadOnly = booleanOf(value, field)),
  consistency: (draft, value) => void (draft.mount.Consistency = value.toLowerCase()),
  'bind-propagation': (draft, value) => void ((draft.bind ??= {}).Propagation = value.toLowerCase()),
  'bind-nonrecursive': (draft, value, field) =>
    void ((draft.bind ??= {}).NonRecursive = booleanOf(value, field)),
  'bind-recursive': (draft, value) => recursive((draft.bind ??= {}), value),
  'bind-create-src': (draft, value, field) =>
    void ((draft.bind ??= {}).CreateMountpoint = booleanOf(value, field)),
  'volume-nocopy': (draft, value, field) => void (volumeOf(draft).NoCopy = booleanOf(value, field)),
  'volume-subpath': (draft, value) => void (volumeOf(draft).Subpath = value),
  'volume-label': (draft, value) => addPair((volumeOf(draft).Labels ??= {}), value),
  'volume-driver': (draft, value) => void (driverOf(draft).Name = value),
  'volume-opt': (draft, value) => addPair((driverOf(draft).Options ??= {}), value),
  'tmpfs-size': (draft, value) => void ((draft.tmpfs ??= {}).SizeBytes = parseMemory(value)),
  'tmpfs-mode': (draft, value) => void ((draft.tmpfs ??= {}).Mode = octal(value)),
};

const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};

function readField(draft: MountDraft, field: string): void {
  const equals = field.indexOf('=');
  const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  const key = ALIASES[written] ?? written;
  const switches = ['readonly', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-src'];
  if (equals < 0 && !switches.includes(key))
    throw new Error(`invalid field '${field}' must be a key=value pair`);
  const reader = FIELDS[key];
  if (!reader) throw new Error(`unexpected key '${written}' in '${field}'`);
  reader(draft, equals < 0 ? 'true' : field.slice(equals + 1), field);
}

const TYPES = ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'] as const;

function mountType(text: string): MountRequest['Type'] {
  const type = TYPES.find((known) => known === text);
  if (!type) throw new Error(`invalid mount type '${text}': it is to be bind, volume or tmpfs`);
  return type;
}

function recursive(bind: NonNullable<MountDraft['bind']>, value: string): void {
  switch (value) {
    case 'enabled':
      return;
    case 'disabled':
      bind.NonRecursive = true;
      return;
    case 'writable':
      bind.ReadOnlyNonRecursive = true;
      return;
    case 'readonly':
      bind.ReadOnlyForceRecursive = true;
      return;
    default:
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

function addPair(target: Record<string, string>, pair: string): void {
  const equals = pair.indexOf('=');
  target[equals < 0 ? pair : pair.slice(0, equals)] = equals < 0 ? '' : pair.slice(equals + 1);
}

function booleanOf(value: string, field: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new Error(`invalid value for ${field.split('=')[0]}: ${value}`);
}

function octal(value: string): number {
  if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for tmpfs-mode: ${value}`);
  return Number.parseInt(value, 8);
}
