/** `type=image` and `type=registry`: the image into the store, to registries, or both. */
import type { Digest } from '#oci/digest.ts';
import { hostPlatform, matchesPlatform } from '#oci/platform.ts';
import { canonicalReference, familiarReference, type Reference } from '#oci/reference.ts';
import { parseAnnotations } from './annotations.ts';
import { credentialsFor } from '../session/credentials.ts';
import { type Exported, namesOf, type OneExport } from './one-export.ts';
import type { FinishedImage } from './finish-image.ts';
import type { PackedArtifact } from './pack/pack-artifact.ts';
import { finishResult, nameResponse, packResult, responseOf } from './pack/pack-result.ts';

export async function exportImage(one: OneExport): Promise<Exported> {
  const { output, attributes, task } = one;
  const names = namesOf(one);
  const isRegistry = output.type === 'registry';
  const isPushed = attributes.flag('push') ?? isRegistry;
  const isStored = attributes.flag('store') ?? !isRegistry;
  if (isPushed && names.length === 0)
    throw attributes.refusal('push', 'true', 'the image needs a name to be pushed under');
  task.moves({ id: 'exporting layers' });
  const packs = needsArtifact(one, isPushed);
  const images = await finishResult(one, packs);
  task.moves({ id: 'exporting layers', isDone: true });
  const artifact = packs
    ? await packResult(one, images, { names, defaultsToOci: true, attachInline: isPushed })
    : undefined;
  const id = isStored ? await store(one, images, artifact, names) : undefined;
  if (artifact && isPushed) {
    await push(one, artifact, names);
    const manifests = [artifact.root];
    if (id) await one.work.images.keepManifests({ id, manifests, attachments: [], repositories: names });
  }
  const references = isStored ? names.map(familiarReference) : [];
  const response = artifact ? responseOf(artifact, names) : plainResponse(images, names);
  return { ...(id && { id }), references, response };
}

/** An image that only goes into the store needs no manifest, for which its layers would have to be compressed. */
function needsArtifact({ outcome, attributes }: OneExport, isPushed: boolean): boolean {
  return (
    isPushed ||
    outcome.isMultiPlatform ||
    !parseAnnotations(attributes).isEmpty ||
    outcome.images.some(({ attestations }) => attestations.some(({ inlineOnly }) => !inlineOnly))
  );
}

/** As Docker's own exporter answers: its image is known by its configuration. */
function plainResponse(
  images: readonly FinishedImage[],
  names: readonly Reference[],
): Readonly<Record<string, string>> {
  const [image] = images;
  if (!image) return nameResponse(names);
  return {
    'containerimage.digest': image.id,
    'containerimage.config.digest': image.id,
    ...nameResponse(names),
  };
}

/** The names mean the image for this machine, where there is one; the others are found through their index. */
async function store(
  { work: { images: sink }, task }: OneExport,
  images: readonly FinishedImage[],
  artifact: PackedArtifact | undefined,
  names: readonly Reference[],
): Promise<Digest | undefined> {
  const host = hostPlatform();
  const main = images.find(({ built }) => matchesPlatform(built.platform, host)) ?? images[0];
  for (const { configBytes, layers, id } of images) {
    await sink.register({ configBytes, layers, references: [] });
    const manifest = artifact?.images.find(({ image }) => image.id === id)?.manifest;
    const isSingle = artifact && manifest?.digest === artifact.root.digest;
    if (artifact && manifest) {
      const manifests = isSingle ? [manifest] : [manifest, artifact.root];
      const attachments = isSingle ? [] : attachedTo(artifact);
      await sink.keepManifests({ id, manifests, attachments, repositories: [] });
    }
    task.moves({ id: `writing image ${id}`, isDone: true });
  }
  if (!main) return undefined;
  for (const name of names) {
    await sink.tag(main.id, familiarReference(name));
    task.moves({ id: `naming to ${canonicalReference(name)}`, isDone: true });
  }
  return main.id;
}

/** What is not an image: attestations, with their manifests and configurations. */
function attachedTo({ manifests, blobs, images }: PackedArtifact): PackedArtifact['manifests'] {
  const own = new Set(images.flatMap(({ manifest, image }) => [manifest.digest, image.id]));
  const documents = blobs.flatMap(({ descriptor: { digest }, bytes }) =>
    bytes ? [{ mediaType: 'application/json', digest, content: bytes }] : [],
  );
  return [...manifests, ...documents].filter(({ digest }) => !own.has(digest));
}

async function push(
  { work, request, attributes, task }: OneExport,
  artifact: PackedArtifact,
  names: readonly Reference[],
): Promise<void> {
  const insecure = attributes.flag('registry.insecure') ?? false;
  const byDigest = attributes.flag('push-by-digest') ?? false;
  for (const reference of names) {
    const id = `pushing ${canonicalReference(reference)} with ${artifact.root.mediaType}@${artifact.root.digest}`;
    task.moves({ id });
    const credentials = await credentialsFor(request, reference.domain);
    await work.images.pushArtifact(artifact, {
      reference,
      byDigest,
      credentials,
      insecure,
      signal: request.signal,
      onProgress: (blob, current, total) =>
        task.moves({ id: `pushing layer ${blob}`, current, total, isDone: current === total }),
    });
    task.moves({ id, isDone: true });
  }
}
