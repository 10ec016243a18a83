/**
 * Names of images as Docker writes them: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, where a name without a host means
 * Docker Hub's (github.com/distribution/reference).
 */
import { EngineError, isEngineError } from '#base/errors.ts';
import { type Digest, isDigest } from './digest.ts';

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';
const MAXIMUM_NAME_LENGTH = 255;
const MAXIMUM_TEXT_LENGTH = 4096;

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const REFERENCE = new RegExp(
  `^(?<domain>${HOST})/(?<path>${COMPONENT}(?:/${COMPONENT})*)(?::(?<tag>${TAG}))?(?:@(?<digest>[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,}))?$`,
);
const IDENTIFIER = /^[a-f0-9]{64}$/;
const TAG_ALONE = new RegExp(`^${TAG}$`);

/** A normalized name. */
export interface Reference {
  /** Registry host, with port. */
  readonly domain: string;
  /** Repository within the registry. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** @throws {EngineError} `invalid`, with Docker's texts */
export function parseReference(text: string): Reference {
  if (IDENTIFIER.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  if (text.length > MAXIMUM_TEXT_LENGTH) throw invalid('invalid reference format');
  const [domain, remainder] = splitDomain(text);
  const [repository = ''] = remainder.split(':', 1);
  if (repository.toLowerCase() !== repository)
    throw invalid(`invalid reference format: repository name (${repository}) must be lowercase`);
  const groups = REFERENCE.exec(`${domain}/${remainder}`)?.groups;
  const { path, tag, digest } = groups ?? {};
  if (path === undefined) throw invalid('invalid reference format');
  if (`${domain}/${path}`.length > MAXIMUM_NAME_LENGTH)
    throw invalid(`repository name must not be more than ${MAXIMUM_NAME_LENGTH} characters`);
  return {
    domain,
    path,
    ...(tag ? { tag } : undefined),
    ...(digest ? { digest: supported(digest) } : undefined),
  };
}

export function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (isEngineError(error, 'invalid')) return false;
    throw error;
  }
}

/** The reference with `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag || reference.digest ? reference : { ...reference, tag: DEFAULT_TAG };
}

/** The same repository with this tag and no digest. @throws {EngineError} `invalid` if `tag` is not one */
export function withTag({ domain, path }: Reference, tag: string): Reference {
  if (!TAG_ALONE.test(tag)) throw invalid('invalid tag format');
  return { domain, path, tag };
}

/** `docker.io/library/busybox` */
export function canonicalName({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** `docker.io/library/busybox:latest`: what keys are made of. */
export function canonicalReference(reference: Reference): string {
  return canonicalName(reference) + suffixOf(reference);
}

/** `busybox`: without what goes without saying. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const rest = path.slice(OFFICIAL_PREFIX.length);
  return path.startsWith(OFFICIAL_PREFIX) && !rest.includes('/') ? rest : path;
}

/** `busybox:latest`, as people see it. */
export function familiarReference(reference: Reference): string {
  return familiarName(reference) + suffixOf(reference);
}

function suffixOf({ tag, digest }: Reference): string {
  return (tag ? `:${tag}` : '') + (digest ? `@${digest}` : '');
}

/** The first component is a host if it has a dot or a port, is `localhost`, or could not be a path. */
function splitDomain(text: string): [domain: string, remainder: string] {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  if (slash >= 0 && isHost && first !== DEFAULT_DOMAIN && first !== LEGACY_DEFAULT_DOMAIN)
    return [first, text.slice(slash + 1)];
  const remainder = isHost ? text.slice(slash + 1) : text;
  return [DEFAULT_DOMAIN, remainder.includes('/') ? remainder : OFFICIAL_PREFIX + remainder];
}

function supported(digest: string): Digest {
  if (isDigest(digest)) return digest;
  throw invalid(
    digest.startsWith('sha256:') ? 'invalid checksum digest format' : 'unsupported digest algorithm',
  );
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
