/** The paths of the protocol (distribution-spec, "Endpoints"): what a request is about. */
import { type Digest, isDigest } from '#oci/digest.ts';
import { RegistryError } from './registry-error.ts';

export type Endpoint =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly session: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: Digest };

/** What the paths of one kind say. */
export type EndpointOf<Kind extends Endpoint['kind']> = Extract<Endpoint, { readonly kind: Kind }>;

export type ManifestReference =
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'digest'; readonly digest: Digest };

const MAXIMUM_NAME_LENGTH = 255;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const SESSION = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Greedy at the front: a repository may be called `a/blobs/uploads`. */
const IN_REPOSITORY =
  /^\/v2\/(?<name>.+)\/(?:(?<tags>tags\/list)|manifests\/(?<manifest>[^/]+)|(?<uploads>blobs\/uploads)\/?|blobs\/uploads\/(?<session>[^/]+)|blobs\/(?<blob>[^/]+)|referrers\/(?<subject>[^/]+))$/;

/** @throws {RegistryError} NOT_FOUND, or NAME_INVALID, DIGEST_INVALID */
export function parseEndpoint(path: string): Endpoint {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  const groups = IN_REPOSITORY.exec(decoded(path))?.groups;
  if (!groups) throw new RegistryError('NOT_FOUND', { path });
  const repository = checkName(groups['name'] ?? '');
  const { tags, manifest, uploads, session, blob, subject } = groups;
  if (tags !== undefined) return { kind: 'tags', repository };
  if (uploads !== undefined) return { kind: 'uploads', repository };
  if (session !== undefined) return { kind: 'upload', repository, session: checkSession(session) };
  if (blob !== undefined) return { kind: 'blob', repository, digest: checkDigest(blob) };
  if (subject !== undefined) return { kind: 'referrers', repository, digest: checkDigest(subject) };
  return { kind: 'manifest', repository, reference: manifestReference(manifest ?? '') };
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function isRepositoryName(name: string): boolean {
  return name.length <= MAXIMUM_NAME_LENGTH && NAME.test(name);
}

/** @throws {RegistryError} DIGEST_INVALID */
export function checkDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError('DIGEST_INVALID', { digest: text, reason: 'not a sha256 digest' });
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new RegistryError('NOT_FOUND', { path });
  }
}

function checkName(name: string): string {
  if (isRepositoryName(name)) return name;
  throw new RegistryError('NAME_INVALID', { name });
}

function checkSession(session: string): string {
  if (SESSION.test(session)) return session;
  throw new RegistryError('BLOB_UPLOAD_UNKNOWN', { session });
}

/** Whatever is no digest is looked up as a tag; only a push needs to know whether it can be one. */
function manifestReference(text: string): ManifestReference {
  return text.includes(':') ? { by: 'digest', digest: checkDigest(text) } : { by: 'tag', tag: text };
}
