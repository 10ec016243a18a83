/** What builds take from outside, as sources that policies judge, and back. */
import { isDigest } from '#oci/digest.ts';
import type { BaseImage } from '../bases/base-image.ts';
import { layoutOfName } from '../bases/layout-image.ts';
import { buildError } from '../build-errors.ts';
import type { GitTree, HttpFile, RemoteFiles } from '../definition/vertex.ts';
import { gitTree, nameInLayout } from '../graph/source-names.ts';
import { fullName } from '../plan/step-titles.ts';
import type { SourcePolicies } from './source-policies.ts';
import type { Source } from './source-policy.ts';

const IMAGE = 'docker-image://';
const LAYOUT = 'oci-layout://';
const GIT = 'git://';
const FULL_URL = 'git.fullurl';
const CHECKSUM = 'http.checksum';
const RESOLVE_MODE = 'image.resolvemode';

type Attributes = Source['attributes'];

/** @throws {EngineError} `source-denied`, `source-conversion-unsupported` */
export function permittedImage(policies: SourcePolicies, image: BaseImage): BaseImage {
  const { name, attributes = new Map<string, string>() } = image;
  const identifier = layoutOfName(name) ? name : IMAGE + fullName(name);
  const source = { identifier, attributes };
  const permitted = policies.permit(source);
  if (permitted === source) return image;
  const isUnknown = changedNames(source, permitted).some((key) => key !== RESOLVE_MODE);
  const newName = imageName(permitted.identifier);
  if (newName === undefined || isUnknown) throw unsupported(source, permitted);
  const pull = permitted.attributes.get(RESOLVE_MODE) === 'pull' || image.pull;
  return {
    ...image,
    name: permitted.identifier === identifier ? name : newName,
    attributes: permitted.attributes,
    ...(pull !== undefined && { pull }),
  };
}

function imageName(identifier: string): string | undefined {
  if (identifier.startsWith(IMAGE)) return identifier.slice(IMAGE.length);
  return identifier.startsWith(LAYOUT) ? nameInLayout(identifier.slice(LAYOUT.length)) : undefined;
}

/** @throws {EngineError} as {@link permittedImage} does */
export function permittedFiles(policies: SourcePolicies, files: RemoteFiles): RemoteFiles {
  return files.kind === 'http' ? permittedFile(policies, files) : permittedTree(policies, files);
}

/** @throws {EngineError} as {@link permittedImage} does */
export function permittedFile(policies: SourcePolicies, file: HttpFile): HttpFile {
  const { url, checksum } = file;
  const attributes = new Map(checksum === undefined ? [] : [[CHECKSUM, checksum]]);
  const source: Source = { identifier: url, attributes };
  const permitted = policies.permit(source);
  if (permitted === source) return file;
  const newChecksum = permitted.attributes.get(CHECKSUM) ?? '';
  const isUnknown = changedNames(source, permitted).some((key) => key !== CHECKSUM);
  const isChecksum = newChecksum === '' || isDigest(newChecksum);
  if (!isHttp(permitted.identifier) || isUnknown || !isChecksum) throw unsupported(source, permitted);
  return { kind: 'http', url: permitted.identifier, ...(newChecksum !== '' && { checksum: newChecksum }) };
}

function permittedTree(policies: SourcePolicies, tree: GitTree): GitTree {
  const source = { identifier: gitIdentifier(tree), attributes: gitAttributes(tree) };
  const permitted = policies.permit(source);
  if (permitted === source) return tree;
  return { ...tree, ...convertedTree(source, permitted) };
}

/**
 * The tree that a converted source stands for. A new repository counts, although the attribute with the whole URL may
 * still name the former one.
 *
 * @throws {EngineError} `source-conversion-unsupported`
 */
export function convertedTree(source: Source, permitted: Source): GitTree {
  if (!permitted.identifier.startsWith(GIT)) throw unsupported(source, permitted);
  const [repository, newRepository] = [source, permitted].map(
    ({ identifier }) => identifier.split('#', 1)[0],
  );
  const attributes = new Map(permitted.attributes);
  const isSameUrl = attributes.get(FULL_URL) === source.attributes.get(FULL_URL);
  if (repository !== newRepository && isSameUrl) attributes.delete(FULL_URL);
  return gitTree(permitted.identifier.slice(GIT.length), attributes);
}

/** Judges what is taken as it is, or not at all. @throws {EngineError} as {@link permittedImage} does */
export function permitUnchanged(policies: SourcePolicies, identifier: string, attributes?: Attributes): void {
  const source = { identifier, attributes: attributes ?? new Map<string, string>() };
  const permitted = policies.permit(source);
  if (permitted !== source) throw unsupported(source, permitted);
}

export function unsupported({ identifier, attributes }: Source, permitted: Source) {
  const names = changedNames({ identifier, attributes }, permitted);
  const to = [
    permitted.identifier,
    ...names.map((name) => `${name}=${permitted.attributes.get(name) ?? ''}`),
  ];
  return buildError('source-conversion-unsupported', { subject: identifier, details: { to: to.join(' ') } });
}

export function isHttp(identifier: string): boolean {
  return /^https?:\/\//i.test(identifier);
}

function changedNames(source: Source, { attributes }: Source): readonly string[] {
  return [...attributes.keys()].filter((key) => attributes.get(key) !== source.attributes.get(key));
}

/** Equal for the same repository by whatever protocol: `git://HOST/PATH#REF:DIRECTORY`. */
function gitIdentifier({ url, ref, directory }: GitTree): string {
  const parsed = URL.parse(url);
  const [, host = '', path = ''] = /^(?:[^@/]*@)?([^:/]+):(.*)$/.exec(url) ?? [];
  const repository = parsed?.host ? parsed.host + parsed.pathname : `${host}/${path.replace(/^\/+/, '')}`;
  const fragment = directory === '' ? ref : `${ref}:${directory}`;
  return GIT + repository + (fragment === '' ? '' : `#${fragment}`);
}

function gitAttributes(tree: GitTree): Attributes {
  const { url, keepGitDirectory, checksum, tokenSecret, headerSecret, knownHosts } = tree;
  const isOverSsh = !/^(?:https?|git):/.test(url);
  const sshAgent = tree.sshAgent ?? (isOverSsh ? 'default' : undefined);
  const all = {
    [FULL_URL]: url,
    'git.keepgitdir': keepGitDirectory ? 'true' : undefined,
    'git.checksum': checksum,
    'git.authtokensecret': tokenSecret ?? 'GIT_AUTH_TOKEN',
    'git.authheadersecret': headerSecret ?? 'GIT_AUTH_HEADER',
    'git.knownsshhosts': knownHosts,
    'git.mountsshsock': sshAgent,
  };
  return new Map(Object.entries(all).flatMap(([key, value]) => (value ? [[key, value] as const] : [])));
}
