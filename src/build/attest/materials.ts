/** What a build is made of: the images, files and repositories that it began with. */
import { digestHex, isDigest } from '#oci/digest.ts';
import type { ImageRecord } from '#image/image-record.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarName, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { FilesOrigin, RemoteFiles } from '../definition/vertex.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { layoutOfName } from '../bases/layout-image.ts';

/** in-toto's form: a package URL, and the digest that it had. */
export interface Material {
  readonly uri: string;
  /** Absent where it is not known. */
  readonly digest?: Readonly<Record<string, string>>;
}

/** An image that a build began with. */
export interface UsedImage {
  readonly name: string;
  readonly platform: Platform;
  readonly record: ImageRecord;
  /** Names of the image that say a digest: `repository@sha256:…`. */
  readonly digests: readonly string[];
}

/** Sorted, each once. @param origins of what was fetched */
export function materialsOf(
  images: readonly UsedImage[],
  origins: readonly FilesOrigin[],
): readonly Material[] {
  const all = [...images.map(imageMaterial), ...origins.map(materialOf)];
  const unique = new Map(all.map((material) => [material.uri, material]));
  return [...unique.values()].toSorted((a, b) => (a.uri < b.uri ? -1 : 1));
}

export function materialOf({ url, digest }: FilesOrigin): Material {
  const isKnown = Object.keys(digest).length > 0;
  return { uri: withoutCredentials(url), ...(isKnown && { digest }) };
}

/** What it is as far as it is known without having been fetched. */
export function plannedOrigin(source: RemoteFiles): FilesOrigin {
  if (source.kind === 'http')
    return { url: source.url, digest: source.checksum ? { sha256: digestHex(source.checksum) } : {} };
  const url = source.ref === '' ? source.url : `${source.url}#${source.ref}`;
  return { url, digest: source.checksum ? { sha1: source.checksum } : {} };
}

/** A name alone may be a token; those of ssh are of the server. */
export function withoutCredentials(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || (parsed.password === '' && (parsed.username === '' || parsed.protocol === 'ssh:')))
    return url;
  parsed.username = 'xxxxx';
  if (parsed.password !== '') parsed.password = 'xxxxx';
  return parsed.href;
}

/** An image from a registry is named by its manifest's digest, another by its own. */
function imageMaterial({ name, platform, record, digests }: UsedImage): Material {
  const layout = layoutOfName(name);
  if (layout)
    return { uri: `oci-layout://${layout.directory}`, digest: { sha256: digestHex(layout.digest) } };
  // An id names an image, too.
  if (isDigest(name) || /^[0-9a-f]{64}$/.test(name))
    return { uri: `pkg:docker/${record.id}`, digest: { sha256: digestHex(record.id) } };
  const reference = withDefaultTag(parseReference(name));
  const repository = familiarName(reference);
  const known = digests.find((text) => text.startsWith(`${repository}@sha256:`));
  const version = encodeURIComponent(reference.tag ?? reference.digest ?? '');
  const qualifier = `platform=${encodeURIComponent(formatPlatform(platform))}`;
  return {
    uri: `pkg:docker/${repository}@${version}?${qualifier}`,
    digest: { sha256: known?.slice(repository.length + '@sha256:'.length) ?? digestHex(record.id) },
  };
}
