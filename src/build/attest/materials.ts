/** What a build is made of: the images, files and repositories that it began with. */
import { digestHex, isDigest } from '#oci/digest.ts';
import type { ImageRecord } from '#image/image-record.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarName, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { FileSource, Vertex } from '../build.ts';
import { formatPlatform } from '../dockerfile/scopes.ts';
import { layoutOfName } from '../layout-image.ts';
import { filesTakenBy, verticesBelow } from '../vertex-inputs.ts';

/** in-toto's form: a package URL, and the digest that it had. */
export interface Material {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** An image that a build began with. */
export interface UsedImage {
  readonly name: string;
  readonly platform: Platform;
  readonly record: ImageRecord;
  /** Names of the image that say a digest: `repository@sha256:…`. */
  readonly digests: readonly string[];
}

/** Sorted, each once. */
export function materialsOf(images: readonly UsedImage[], results: readonly Vertex[]): readonly Material[] {
  const remote = [...remoteSources(results)].map(remoteMaterial);
  const all = new Map([...images.map(imageMaterial), ...remote].map((material) => [material.uri, material]));
  return [...all.values()].toSorted((a, b) => (a.uri < b.uri ? -1 : 1));
}

/** By the manifest's digest where it came from a registry, else by the image's own. */
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

type RemoteSource = Extract<FileSource, { readonly kind: 'http' | 'git' }>;

function remoteMaterial(source: RemoteSource): Material {
  if (source.kind === 'http')
    return { uri: source.url, digest: source.checksum ? { sha256: digestHex(source.checksum) } : {} };
  const fragment = source.ref === '' ? '' : `#${source.ref}`;
  return { uri: `${source.url}${fragment}`, digest: source.checksum ? { sha1: source.checksum } : {} };
}

function* remoteSources(results: readonly Vertex[]): Generator<RemoteSource, void> {
  for (const vertex of verticesBelow(results))
    for (const { source } of filesTakenBy(vertex))
      if (source.kind === 'http' || source.kind === 'git') yield source;
}
