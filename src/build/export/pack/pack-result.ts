/** The result of a build as an artifact, as the attributes of an output want it. */
import { settleAll } from '#image/settle-all.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { canonicalReference, type Reference } from '#oci/reference.ts';
import { parseAnnotations } from '../annotations.ts';
import { compressionOf } from './compression.ts';
import { epochOf, type OneExport } from '../one-export.ts';
import { type FinishedImage, finishImage } from '../finish-image.ts';
import { type PackedArtifact, packArtifact } from './pack-artifact.ts';

/** @param packs the layers leave the engine, and are compressed */
export async function finishResult(one: OneExport, packs: boolean): Promise<readonly FinishedImage[]> {
  const { work, outcome, attributes, lease, request, inlineCache } = one;
  const epoch = epochOf(one);
  const { isEstargz, level, force } = compressionOf(attributes);
  const options = {
    rewriteTimestamps: attributes.flag('rewrite-timestamp') ?? false,
    lease,
    signal: request.signal,
    ...(epoch !== undefined && { epoch }),
    ...(packs && isEstargz && { estargz: { force, ...(level !== undefined && { level }) } }),
    ...(inlineCache && { inlineCache }),
  };
  if (inlineCache) one.task.moves({ id: 'preparing layers for inline cache', isDone: true });
  return await settleAll(outcome.images.map((image) => finishImage(work.packing, image, options)));
}

export interface PackResultOptions {
  readonly names: readonly Reference[];
  /** Where the output does not say which media types it wants. */
  readonly defaultsToOci: boolean;
  readonly attachInline: boolean;
}

/** @throws {EngineError} `invalid` for attributes that make no sense */
export async function packResult(
  one: OneExport,
  images: readonly FinishedImage[],
  options: PackResultOptions,
): Promise<PackedArtifact> {
  const { work, outcome, attributes, lease, request } = one;
  const { compression, isEstargz, level, force } = compressionOf(attributes);
  const needsOci = compression === 'zstd' || isEstargz;
  return await packArtifact(work.packing, outcome, images, {
    compression,
    // Layers that can be eStargz are so already.
    force: force && !isEstargz,
    ...(level !== undefined && { level }),
    isOci: attributes.flag('oci-mediatypes') ?? (options.defaultsToOci || needsOci),
    isEstargz,
    annotations: parseAnnotations(attributes),
    names: options.names,
    attachInline: options.attachInline || outcome.isMultiPlatform,
    lease,
    signal: request.signal,
  });
}

/** What clients are told of an artifact. */
export function responseOf(
  { descriptor, images }: PackedArtifact,
  names: readonly Reference[],
): Readonly<Record<string, string>> {
  const [single] = images;
  const isManifest = images.length === 1 && single?.descriptor.digest === descriptor.digest;
  return {
    'containerimage.digest': descriptor.digest,
    ...(isManifest && { 'containerimage.config.digest': single.image.id }),
    'containerimage.descriptor': encodeDescriptor(descriptor),
    ...nameResponse(names),
  };
}

export function nameResponse(names: readonly Reference[]): Readonly<Record<string, string>> {
  return names.length === 0 ? {} : { 'image.name': names.map(canonicalReference).join(',') };
}

function encodeDescriptor(descriptor: Descriptor): string {
  return Buffer.from(JSON.stringify(descriptor)).toString('base64');
}
