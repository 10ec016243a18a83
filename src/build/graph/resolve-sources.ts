/** What graphs begin with: images, directories of the client, repositories and files of the network. */
import { EngineError } from '#base/errors.ts';
import { isDigest } from '#oci/digest.ts';
import { hostPlatform } from '#oci/platform.ts';
import type { BaseVertex, CopyVertex, FileSource, GitTree, LocalFiles } from '../definition/vertex.ts';
import type { BaseImages } from '../bases/base-images.ts';
import { convertedTree, isHttp, permitUnchanged, unsupported } from '../policy/permitted-sources.ts';
import type { SourcePolicies } from '../policy/source-policies.ts';
import type { Graph, GraphOperation, SourceWork } from './graph.ts';
import { gitTree, nameInLayout } from './source-names.ts';

export interface SourcesPlace {
  readonly bases: Pick<BaseImages, 'get'>;
  readonly policies: SourcePolicies;
  /** Results of other builds have names that only one request knows. */
  readonly isResult: (identifier: string) => boolean;
  /** Opens a directory of the client's, whose files are received later. */
  readonly openDirectory: (operation: GraphOperation, query: DirectoryQuery) => LocalFiles;
}

/** What a client is asked for. */
export interface DirectoryQuery {
  readonly directory: string;
  readonly followPaths: readonly string[];
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
}

/** @throws {EngineError} `not-implemented` for sources of other kinds, and what looking for images says */
export async function resolveSources(
  { operations }: Graph,
  place: SourcesPlace,
): Promise<ReadonlyMap<GraphOperation, FileSource>> {
  const found = operations.flatMap((operation) => {
    const { work } = operation;
    if (work.kind !== 'source') return [];
    return [resolve(operation, work, place).then((files) => [operation, files] as const)];
  });
  return new Map(await Promise.all(found));
}

async function resolve(
  operation: GraphOperation,
  source: SourceWork,
  place: SourcesPlace,
): Promise<FileSource> {
  const { identifier, attributes: attrs } = source;
  const [scheme = ''] = identifier.split('://', 1);
  const rest = identifier.slice(scheme.length + '://'.length);
  switch (scheme) {
    case 'docker-image':
      return await image(operation, { name: rest, attrs, place });
    case 'oci-layout':
      return await image(operation, { name: nameInLayout(rest, attrs.get('oci.store')), attrs, place });
    case 'local':
      permitUnchanged(place.policies, identifier, attrs);
      return place.openDirectory(operation, queryOf(rest, attrs));
    case 'git':
      return permittedTree(source, place.policies);
    case 'http':
    case 'https':
      return permittedHttpFile(source, place.policies);
    default:
      if (place.isResult(identifier)) return await image(operation, { name: identifier, attrs, place });
      throw new EngineError('not-implemented', `Cannot solve graph: the source ${identifier}: not supported`);
  }
}

interface ImageSource {
  readonly name: string;
  readonly attrs: Attributes;
  readonly place: SourcesPlace;
}

async function image(
  { platform = hostPlatform(), name: title, digest }: GraphOperation,
  { name, attrs, place: { bases } }: ImageSource,
): Promise<BaseVertex> {
  const pull = attrs.get('image.resolvemode') === 'pull';
  const task = { name: title, digest };
  const { layers } = await bases.get({ name, platform, task, attributes: attrs, ...(pull && { pull }) });
  const limit = Number(attrs.get('image.layerlimit') ?? layers.length);
  if (Number.isSafeInteger(limit) && limit >= 0) return { kind: 'base', layers: layers.slice(0, limit) };
  throw new EngineError('invalid', `Cannot use ${title}: image.layerlimit is no number of layers`);
}

type Attributes = SourceWork['attributes'];

function queryOf(directory: string, attrs: Attributes): DirectoryQuery {
  return {
    directory,
    followPaths: textsIn(attrs, 'local.followpaths'),
    includePatterns: textsIn(attrs, 'local.includepattern'),
    excludePatterns: textsIn(attrs, 'local.excludepatterns'),
  };
}

function textsIn(attrs: Attributes, name: string): readonly string[] {
  const text = attrs.get(name);
  if (text === undefined || text === '') return [];
  const values: unknown = parsed(name, text);
  if (!Array.isArray(values)) throw new EngineError('invalid', `Cannot read ${name}: not a list`);
  return values.map(String);
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `Cannot read ${name}: not JSON`, { cause });
  }
}

function permittedTree(source: SourceWork, policies: SourcePolicies): GitTree {
  const permitted = policies.permit(source);
  if (permitted !== source) return convertedTree(source, permitted);
  return gitTree(source.identifier.slice('git://'.length), source.attributes);
}

function permittedHttpFile(source: SourceWork, policies: SourcePolicies): CopyVertex {
  const permitted = policies.permit(source);
  if (!isHttp(permitted.identifier)) throw unsupported(source, permitted);
  return httpFile(permitted.identifier, permitted.attributes);
}

/** A file, as BuildKit has it: only its owner may read it, and the client chooses its name. */
function httpFile(url: string, attrs: Attributes): CopyVertex {
  const checksum = attrs.get('http.checksum');
  if (checksum !== undefined && !isDigest(checksum))
    throw new EngineError('invalid', `invalid checksum digest format: ${checksum}`);
  const [uid, gid = uid] = [attrs.get('http.uid'), attrs.get('http.gid')];
  const mode = attrs.get('http.perm');
  const source = { kind: 'http', url, ...(checksum !== undefined && { checksum }) } as const;
  return {
    kind: 'copy',
    parent: { kind: 'base', layers: [] },
    files: [{ source, paths: ['*'] }],
    destination: `/${attrs.get('http.filename') ?? ''}`,
    ...(mode !== undefined && { mode: mode.replace(/^0o?/, '') || '0' }),
    ...((uid ?? gid) !== undefined && { owner: `${uid ?? 0}:${gid ?? 0}` }),
  };
}
