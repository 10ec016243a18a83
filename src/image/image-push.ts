/** `POST /images/{name}/push`. */
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeManifest } from '#oci/manifest.ts';
import {
  canonicalName,
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
} from '#oci/reference.ts';
import type { Repository } from '#registry/registry.ts';
import type { Lease } from '#store/content.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { Cancelling } from './cancelling.ts';
import type { StoredManifest } from './image-manifests.ts';
import { type ImageParts, WorkingSet } from './image-parts.ts';
import { indexToPush, type IndexOnItsWay } from './image-push-index.ts';
import { buildManifest, usableManifest } from './image-push-manifest.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { PushRequest } from './image.ts';
import { LayerProgress, type ReportProgress } from './layer-progress.ts';
import { ProgressFeed } from './progress-feed.ts';
import { settleAll } from './settle-all.ts';

/**
 * Pushes one tag or, without a tag, all tags of a repository. The registry gets the bytes that images came with; its
 * manifest comes last, so that nothing half pushed is visible there.
 *
 * @throws {EngineError} `invalid` before the first message; everything else after it, as in Docker
 */
export async function* pushImages(
  parts: ImageParts,
  request: PushRequest,
): AsyncGenerator<ProgressMessage, void> {
  const reference = parseReference(request.reference);
  if (reference.digest) throw new EngineError('invalid', 'cannot push a digest reference');
  using cancelling = new Cancelling(request.signal, 'Cannot push image: cancelled');
  yield { status: `The push refers to repository [${canonicalName(reference)}]` };
  const { credentials = {} } = request;
  const { signal } = cancelling;
  const repository = parts.registries.open(reference, { credentials, access: 'push', signal });
  for (const named of imagesToPush(parts, reference)) yield* pushOne({ parts, repository, signal, ...named });
}

interface NamedRecord {
  readonly reference: Reference & { readonly tag: string };
  readonly record: ImageRecord;
}

interface OnePush extends NamedRecord {
  readonly parts: ImageParts;
  readonly repository: Repository;
  readonly signal: AbortSignal;
}

function imagesToPush({ table }: ImageParts, { domain, path, tag }: Reference): readonly NamedRecord[] {
  const found = [...table.allNames()].flatMap(({ reference, id }): readonly NamedRecord[] => {
    const isWanted = reference.domain === domain && reference.path === path && reference.tag !== undefined;
    const record = table.get(id);
    if (!isWanted || !record || reference.tag === undefined || reference.digest) return [];
    return [{ reference: { ...reference, tag: reference.tag }, record }];
  });
  if (found.length === 0)
    throw new EngineError(
      'not-found',
      `An image does not exist locally with the tag: ${familiarName({ domain, path })}`,
    );
  if (tag === undefined) return found.toSorted((a, b) => (a.reference.tag < b.reference.tag ? -1 : 1));
  const [named] = found.filter(({ reference }) => reference.tag === tag);
  if (named) return [named];
  throw new EngineError('not-found', `tag does not exist: ${familiarReference({ domain, path, tag })}`);
}

async function* pushOne(push: OnePush): AsyncGenerator<ProgressMessage, void> {
  const { parts, reference, record } = push;
  await using work = new WorkingSet(parts);
  work.lease.protect(record.id, ...record.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
  const feed = new ProgressFeed();
  const pushing = send(push, work.lease, (message) => feed.push(message)).finally(() => feed.end());
  await using _ = { [Symbol.asyncDispose]: () => Promise.allSettled([pushing]).then(() => undefined) };
  yield* feed;
  const { digest, content } = await pushing;
  const { tag } = reference;
  yield { status: `${tag}: digest: ${digest} size: ${content.length}` };
  yield { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: content.length } };
}

/** Everything that the manifest names, then the manifest. */
async function send(push: OnePush, lease: Lease, report: ReportProgress): Promise<StoredManifest> {
  const { parts, repository, record, reference } = push;
  // Topmost first, as Docker shows them.
  const shown = record.layers.map(({ diffId }) => new LayerProgress(diffId, report));
  for (const progress of shown.toReversed()) progress.status('Preparing');
  const index = await indexToPush(parts, record.id, repository, reference.tag);
  if (index) return await sendIndex(push, index, shown);
  const known = await usableManifest(parts.manifests.of(record.id), parts.content, repository);
  const manifest = known ? await sendKnown(push, known, shown) : await sendNew(push, lease, shown);
  await repository.putManifest(reference.tag, manifest);
  await remember(push, manifest);
  return manifest;
}

/** With the images for other platforms, and all that is attached to them. */
async function sendIndex(
  push: OnePush,
  { index, isThere, manifests, blobs, documents }: IndexOnItsWay,
  shown: readonly LayerProgress[],
): Promise<StoredManifest> {
  const { repository, record, reference } = push;
  if (isThere) {
    for (const progress of shown) progress.status('Layer already exists');
    return index;
  }
  const own = new Map(record.layers.map(({ blob }, layer) => [blob, shown[layer]]));
  await inParallel(push, (signal) =>
    blobs.map((blob) => sendBlob(push, blob, own.get(blob.digest), signal, documents.get(blob.digest))),
  );
  for (const progress of shown) progress.status('Pushed');
  await inParallel(push, () =>
    manifests.map(async (manifest) => void (await repository.putManifest(manifest.digest, manifest))),
  );
  await repository.putManifest(reference.tag, index);
  await remember(push, index);
  return index;
}

async function sendKnown(
  push: OnePush,
  manifest: StoredManifest,
  shown: readonly LayerProgress[],
): Promise<StoredManifest> {
  const { config, layers } = decodeManifest(manifest.content);
  await inParallel(push, (signal) => [
    sendBlob(push, config, undefined, signal),
    ...layers.map((layer, index) => sendBlob(push, layer, shown[index], signal)),
  ]);
  return manifest;
}

async function sendNew(
  push: OnePush,
  lease: Lease,
  shown: readonly LayerProgress[],
): Promise<StoredManifest> {
  const { parts, record } = push;
  const layers: ImageLayer[] = [];
  await inParallel(push, (signal) =>
    record.layers.map(async (layer, index) => {
      const packed = layer.compression === 'none' ? await parts.packing.pack(layer.diffId, signal) : layer;
      lease.protect(packed.blob);
      layers[index] = packed;
      const size = (await parts.content.stat(packed.blob))?.sizeBytes ?? 0;
      await sendBlob(push, { digest: packed.blob, size }, shown[index], signal);
    }),
  );
  const manifest = await buildManifest(record, layers, parts.content);
  await sendBlob(push, decodeManifest(manifest.content).config, undefined, push.signal);
  return manifest;
}

/** The first failure stops the others, and nothing runs on when this rejects. */
async function inParallel(
  push: OnePush,
  start: (signal: AbortSignal) => readonly Promise<void>[],
): Promise<void> {
  const failing = new AbortController();
  const work = start(AbortSignal.any([push.signal, failing.signal]));
  await settleAll(
    work.map((each) =>
      each.catch((error: unknown) => {
        failing.abort(error);
        throw error;
      }),
    ),
  );
}

async function sendBlob(
  { parts, repository, reference }: OnePush,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  progress: LayerProgress | undefined,
  signal: AbortSignal,
  bytes?: Buffer,
): Promise<void> {
  if (!parts.uploads.isFree) progress?.status('Waiting');
  using _permit = await parts.uploads.acquire();
  signal.throwIfAborted();
  const outcome = await repository.upload({
    descriptor,
    read: (offset) =>
      bytes ? once(bytes.subarray(offset)) : parts.content.chunks(descriptor.digest, offset),
    mountFrom: repositoriesWith(parts, descriptor.digest, reference),
    onProgress: (sent) => progress?.bytes('Pushing', sent, descriptor.size),
  });
  if (outcome.kind === 'exists') progress?.status('Layer already exists');
  else progress?.status(outcome.kind === 'mounted' ? `Mounted from ${outcome.from}` : 'Pushed');
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}

/** Other repositories of the same registry that had this blob when an image came from there or went there. */
export function repositoriesWith(
  { table }: ImageParts,
  blob: Digest,
  { domain, path }: Reference,
): readonly string[] {
  const paths = [...table.allNames()].flatMap(({ reference, id }) => {
    const isElsewhere =
      reference.domain === domain && reference.path !== path && reference.digest !== undefined;
    const hasBlob = isElsewhere && table.get(id)?.layers.some((layer) => layer.blob === blob);
    return hasBlob ? [reference.path] : [];
  });
  return [...new Set(paths)];
}

async function remember({ parts, record, reference }: OnePush, manifest: StoredManifest): Promise<void> {
  const { domain, path } = reference;
  // The image may have been removed while it was pushed.
  if (parts.table.get(record.id)) {
    parts.manifests.addPushed(record.id, manifest);
    parts.table.add([], [{ reference: { domain, path, digest: manifest.digest }, id: record.id }]);
    await parts.metadata.durable();
  }
  const attributes = { ...record.config.config.Labels, name: familiarName(reference) };
  parts.emit({ type: 'image', action: 'push', id: familiarReference(reference), attributes });
}
