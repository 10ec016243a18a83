/** `RUN --mount=type=cache,target=/root/.cache`: one comma-separated list into a typed mount. */
import { parseGoBoolean } from '#base/booleans.ts';
import { unreachable } from '#base/unreachable.ts';
import { EngineError } from '#base/errors.ts';
import { parseCsvRecord } from '#syntax/csv-record.ts';
import { invalid } from '../dockerfile-error.ts';
import { tryParseMemorySize } from '#syntax/memory-size.ts';
import type { CacheSharing, FileOwner, MountOptions, MountType } from './mount.ts';
import { suggestionSuffix } from '../suggest.ts';

export type * from './mount.ts';

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const satisfies readonly MountType[];
const SHARINGS = ['shared', 'private', 'locked'] as const satisfies readonly CacheSharing[];
const KEYS = [
  'type',
  'from',
  'source',
  'target',
  'readonly',
  'id',
  'sharing',
  'required',
  'size',
  'mode',
  'uid',
  'gid',
  'src',
  'dst',
  'destination',
  'ro',
  'rw',
  'readwrite',
  'env',
];

/** What has been read so far; later keys are judged by the type before them, as BuildKit does. */
interface Draft {
  type: MountType;
  from: string;
  source: string;
  target: string;
  readOnly: boolean | undefined;
  sizeBytes: number;
  id: string;
  sharing: CacheSharing | undefined;
  required: boolean;
  environment: string | undefined;
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
}

/**
 * Reads one `--mount`. `expandValue` is applied to each value: variables are in force at the instruction's place.
 *
 * @throws {EngineError} `invalid`, with BuildKit's texts
 */
export function parseMountOptions(
  text: string,
  expandValue: (value: string) => string = (value) => value,
): MountOptions {
  const draft = emptyDraft();
  for (const field of mountFields(text)) {
    const separator = field.indexOf('=');
    if (separator < 0) applyBareKey(draft, field);
    else
      applyPair(
        draft,
        field.slice(0, separator).toLowerCase(),
        expandValue(field.slice(separator + 1)),
        field,
      );
  }
  checkOwner(draft);
  checkSecret(draft);
  if (draft.type === 'ssh' && draft.source !== '') throw invalid('ssh does not support source');
  if (draft.sharing !== undefined && draft.type !== 'cache')
    throw invalid(`invalid cache sharing set for ${draft.type} mount`);
  return finish(draft);
}

/**
 * The stage or image a mount reads from, known before any variable is.
 *
 * @throws {EngineError} `invalid` if it holds a variable
 */
export function mountSource(text: string): string | undefined {
  const field = mountFields(text).findLast((candidate) => /^from=/i.test(candidate));
  const from = field?.slice('from='.length);
  const variable = from?.indexOf('$') ?? -1;
  if (from !== undefined && variable >= 0 && variable !== from.length - 1)
    throw invalid("'from' doesn't support variable expansion, define alias stage instead");
  return from === '' ? undefined : from;
}

function mountFields(text: string): readonly string[] {
  try {
    return parseCsvRecord(text);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalid(`failed to parse csv mounts: ${error.message}`);
  }
}

function emptyDraft(): Draft {
  return {
    type: 'bind',
    from: '',
    source: '',
    target: '',
    readOnly: undefined,
    sizeBytes: 0,
    id: '',
    sharing: undefined,
    required: false,
    environment: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  };
}

function applyBareKey(draft: Draft, field: string): void {
  const key = field.toLowerCase();
  if (key === 'readonly' || key === 'ro') draft.readOnly = true;
  else if (key === 'readwrite' || key === 'rw') draft.readOnly = false;
  else if (key === 'required') draft.required = requiredAllowed(draft, key);
  else throw invalid(`invalid field '${field}' must be a key=value pair`);
}

type Setter = (draft: Draft, value: string, key: string) => void;

const setTarget: Setter = (draft, value) => {
  draft.target = value;
};
const setSource: Setter = (draft, value) => {
  draft.source = value;
};
const setReadOnly: Setter = (draft, value, key) => {
  draft.readOnly = goBoolean(key, value);
};
const setReadWrite: Setter = (draft, value, key) => {
  draft.readOnly = !goBoolean(key, value);
};

const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['type', setType],
  ['sharing', setSharing],
  ['size', setSize],
  ['target', setTarget],
  ['dst', setTarget],
  ['destination', setTarget],
  ['source', setSource],
  ['src', setSource],
  ['readonly', setReadOnly],
  ['ro', setReadOnly],
  ['readwrite', setReadWrite],
  ['rw', setReadWrite],
  ['from', (draft, value) => void (draft.from = value)],
  ['id', (draft, value) => void (draft.id = value)],
  ['env', (draft, value) => void (draft.environment = value)],
  ['mode', (draft, value) => void (draft.mode = unsigned('mode', value, 8))],
  ['uid', (draft, value) => void (draft.uid = unsigned('uid', value, 10))],
  ['gid', (draft, value) => void (draft.gid = unsigned('gid', value, 10))],
  [
    'required',
    (draft, value, key) => void (draft.required = requiredAllowed(draft, key) && goBoolean(key, value)),
  ],
]);

function applyPair(draft: Draft, key: string, value: string, field: string): void {
  const setter = SETTERS.get(key);
  if (setter === undefined)
    throw invalid(`unexpected key '${key}' in '${field}'${suggestionSuffix(key, KEYS)}`);
  setter(draft, value, key);
}

function setType(draft: Draft, value: string): void {
  const lower = value.toLowerCase();
  const type = TYPES.find((known) => known === lower);
  if (type === undefined)
    throw invalid(`unsupported mount type ${JSON.stringify(value)}${suggestionSuffix(value, TYPES)}`);
  draft.type = type;
}

function setSharing(draft: Draft, value: string): void {
  const lower = value.toLowerCase();
  const sharing = SHARINGS.find((known) => known === lower);
  if (sharing === undefined)
    throw invalid(`unsupported sharing value ${JSON.stringify(value)}${suggestionSuffix(value, SHARINGS)}`);
  draft.sharing = sharing;
}

function setSize(draft: Draft, value: string): void {
  if (draft.type !== 'tmpfs') throw unexpectedKey(draft, 'size');
  const bytes = tryParseMemorySize(value);
  if (bytes === undefined) throw invalid(`invalid value for size: ${value}`);
  draft.sizeBytes = bytes;
}

function requiredAllowed(draft: Draft, key: string): true {
  if (draft.type === 'secret' || draft.type === 'ssh') return true;
  throw unexpectedKey(draft, key);
}

function unexpectedKey(draft: Draft, key: string): EngineError {
  return invalid(`unexpected key '${key}' for mount type '${draft.type}'`);
}

function goBoolean(key: string, value: string): boolean {
  const parsed = parseGoBoolean(value);
  if (parsed === undefined) throw invalid(`invalid value for ${key}: ${value}`);
  return parsed;
}

function unsigned(key: string, value: string, radix: 8 | 10): number {
  const digits = radix === 8 ? /^[0-7]{1,11}$/ : /^\d{1,10}$/;
  const number = digits.test(value) ? Number.parseInt(value, radix) : Number.NaN;
  if (!(number <= 0xffff_ffff)) throw invalid(`invalid value ${value} for ${key}`);
  return number;
}

function checkOwner(draft: Draft): void {
  if (draft.type !== 'bind' && draft.type !== 'tmpfs') return;
  for (const key of ['mode', 'uid', 'gid'] as const)
    if (draft[key] !== undefined)
      throw invalid(`${key} not allowed for ${JSON.stringify(draft.type)} type mounts`);
}

function checkSecret(draft: Draft): void {
  if (draft.type !== 'secret') return;
  if (draft.from !== '') throw invalid('secret mount should not have a from');
  if (draft.sharing !== undefined) throw invalid('secret mount should not define sharing');
  if (draft.source === '' && draft.target === '' && draft.id === '')
    throw invalid('invalid secret mount. one of source, target required');
  if (draft.source !== '' && draft.id !== '') throw invalid("both source and id can't be set");
}

function finish(draft: Draft): MountOptions {
  const { type, target, source, id, required } = draft;
  const readOnly = draft.readOnly ?? (type !== 'cache' && type !== 'tmpfs');
  const from = draft.from === '' ? {} : { from: draft.from };
  switch (type) {
    case 'bind':
      return { type, target, readOnly, source, ...from };
    case 'cache':
      return {
        type,
        target,
        readOnly,
        source,
        ...from,
        id,
        sharing: draft.sharing ?? 'shared',
        ...owner(draft),
      };
    case 'tmpfs':
      return { type, target, readOnly, sizeBytes: draft.sizeBytes };
    case 'ssh':
      return { type, target, readOnly, id, required, ...owner(draft) };
    case 'secret':
      return {
        type,
        target,
        readOnly,
        id: secretId(draft),
        required,
        ...owner(draft),
        ...environment(draft),
      };
    default:
      return unreachable(type);
  }
}

function secretId({ source, id, target }: Draft): string {
  if (source !== '') return source;
  if (id !== '') return id;
  return target.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

function environment(draft: Draft): { readonly environment?: string } {
  return draft.environment === undefined ? {} : { environment: draft.environment };
}

function owner({ mode, uid, gid }: Draft): FileOwner {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}
