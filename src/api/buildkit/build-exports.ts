/** Where clients say what becomes of a build and where caches are. */
import { fieldsOf } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import type { BuildOutput, CacheSource } from '#build/build.ts';
import type { CacheOptionsEntry, SolveRequest } from '#wire/buildkit/control.ts';
import { listOf } from './attribute-lists.ts';

/** Older clients name one exporter in a place of its own. */
export function outputsOf({
  Exporters,
  ExporterDeprecated,
  ExporterAttrsDeprecated,
}: SolveRequest): readonly BuildOutput[] {
  const old = ExporterDeprecated === '' ? [] : [{ Type: ExporterDeprecated, Attrs: ExporterAttrsDeprecated }];
  const exporters = Exporters.length > 0 ? Exporters : old;
  if (exporters.length === 0) return [{ type: 'cacheonly', attributes: {} }];
  return exporters.map(outputOf);
}

/**
 * The `outputs` of `POST /build`: command lines of a time before buildx. Undefined: the image is stored.
 *
 * @throws {EngineError} `invalid`
 */
export function classicOutputs(text: string): readonly BuildOutput[] | undefined {
  const entries = text === '' ? [] : typedEntries('outputs', text);
  if (entries.length > 1) throw new EngineError('invalid', 'multiple outputs not supported');
  return entries.length === 0 ? undefined : entries.map(outputOf);
}

function outputOf({ Type, Attrs }: CacheEntry): BuildOutput {
  return { type: outputType(Type), attributes: Object.fromEntries(Attrs) };
}

function outputType(type: string): BuildOutput['type'] {
  switch (type) {
    // Docker's own name for its store.
    case 'moby':
    case 'image':
      return 'image';
    case 'local':
    case 'tar':
    case 'oci':
    case 'docker':
    case 'cacheonly':
      return type;
    default:
      throw new EngineError('invalid', `exporter ${JSON.stringify(type)} could not be found`);
  }
}

type CacheEntry = Pick<CacheOptionsEntry, 'Type' | 'Attrs'>;

/** Clients of different ages say it in three places. */
export function importsOf(
  attributes: ReadonlyMap<string, string>,
  { Cache }: SolveRequest,
): readonly CacheEntry[] {
  const old = [...listOf(attributes.get('cache-from')), ...(Cache?.ImportRefsDeprecated ?? [])];
  const registries = old.map((ref) => ({ Type: 'registry', Attrs: new Map([['ref', ref]]) }));
  return [...(Cache?.Imports ?? []), ...attributeImports(attributes.get('cache-imports')), ...registries];
}

function attributeImports(text: string | undefined): readonly CacheEntry[] {
  return text === undefined || text === '' ? [] : typedEntries('cache-imports', text);
}

function typedEntries(name: string, text: string): readonly CacheEntry[] {
  const entries: unknown = parseJson(name, text) ?? [];
  if (!Array.isArray(entries)) throw new EngineError('invalid', `Cannot read ${name}: not a list`);
  return entries.map((entry: unknown) => {
    const { Type, Attrs } = fieldsOf(entry);
    const attributes = Object.entries(fieldsOf(Attrs)).map(([name, value]) => [name, String(value)] as const);
    return { Type: String(Type), Attrs: new Map(attributes) };
  });
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `Cannot read ${name}: not JSON`, { cause });
  }
}

export function cacheSourcesOf(entries: readonly CacheEntry[]): readonly CacheSource[] {
  return entries.map(({ Type: type, Attrs }) => ({ type, attributes: Object.fromEntries(Attrs) }));
}
