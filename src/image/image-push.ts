/** Images to registries. */
import type { EmitEvent } from '#base/event.ts';
import { unreachable } from '#base/unreachable.ts';
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
import { Cancelling } from './cancelling.ts';
import { imageError } from './image-errors.ts';
import type { StoredManifest } from './image-manifests.ts';
import type { PushProgress } from './image-progress.ts';
import { type ImageDocuments, type IndexOnItsWay, indexToPush } from './image-push-index.ts';
import { buildManifest, usableManifest } from './image-push-manifest.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { ImageRegistrar } from './image-registrar.ts';
import { type ImageSending, repositoriesWith } from './image-sending.ts';
import type { PushRequest } from './image.ts';
import type { LayerPacking } from './layer-packing.ts';
import { LayerProgress, type ReportProgress } from './layer-progress.ts';
import { findForPlatform } from './image-platforms.ts';
import type { ImageTable } from './image-table.ts';
import { ProgressFeed } from './progress-feed.ts';
import { settleAll } from './settle-all.ts';
import type { WorkingSets } from './working-sets.ts';

export interface PushRoles {
  readonly sending: ImageSending;
  readonly packing: LayerPacking;
  readonly documents: ImageDocuments;
  readonly registrar: ImageRegistrar;
  readonly workingSets: WorkingSets;
  readonly emit: EmitEvent;
}

/**
 * Pushes one tag or, without a tag, all tags of a repository. The registry gets the bytes that images came with; its
 * manifest comes last, so that nothing half pushed is visible there.
 *
 * @throws {EngineError} `push-by-digest` before the first progress; everything else after it, as in Docker
 */
export async function* pushImages(
  roles: PushRoles,
  request: PushRequest,
): AsyncGenerator<PushProgress, void> {
  const reference = parseReference(request.reference);
  if (reference.digest) throw imageError('push-by-digest', { subject: request.reference });
  using cancelling = new Cancelling(request.signal, 'push');
  yield { kind: 'pushing', repository: canonicalName(reference) };
  const { credentials = {} } = request;
  const { signal } = cancelling;
  const { registries, table } = roles.sending;
  const repository = registries.open(reference, { credentials, access: 'push', signal });
  const { platform } = request;
  const { manifests } = roles.documents;
  const common = { roles, repository, signal, isAlone: platform !== undefined };
  for (const named of imagesToPush(table, reference)) {
    const record = findForPlatform({ table, manifests }, familiarReference(named.reference), platform);
    yield* pushOne({ ...common, reference: named.reference, record });
  }
}

interface NamedRecord {
  readonly reference: Reference & { readonly tag: string };
  readonly record: ImageRecord;
}

interface OnePush extends NamedRecord {
  readonly roles: PushRoles;
  readonly repository: Repository;
  readonly signal: AbortSignal;
  /** Without the index that it is part of. */
  readonly isAlone: boolean;
}

function imagesToPush(table: ImageTable, { domain, path, tag }: Reference): readonly NamedRecord[] {
  const found = [...table.allNames()].flatMap(({ reference, id }): readonly NamedRecord[] => {
    const isWanted = reference.domain === domain && reference.path === path && reference.tag !== undefined;
    const record = table.get(id);
    if (!isWanted || !record || reference.tag === undefined || reference.digest) return [];
    return [{ reference: { ...reference, tag: reference.tag }, record }];
  });
  if (found.length === 0)
    throw imageError('repository-not-here', { subject: familiarName({ domain, path }) });
  if (tag === undefined) return found.toSorted((a, b) => (a.reference.tag < b.reference.tag ? -1 : 1));
  const [named] = found.filter(({ reference }) => reference.tag === tag);
  if (named) return [named];
  throw imageError('tag-not-here', { subject: familiarReference({ domain, path, tag }) });
}

async function* pushOne(push: OnePush): AsyncGenerator<PushProgress, void> {
  const { roles, reference, record } = push;
  await using lease = roles.workingSets.open();
  lease.protect(record.id, ...record.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
  const feed = new ProgressFeed();
  const pushing = send(push, lease, (movement) => feed.push(movement)).finally(() => feed.end());
  await using _ = { [Symbol.asyncDispose]: () => Promise.allSettled([pushing]).then(() => undefined) };
  yield* feed;
  const { digest, content } = await pushing;
  yield { kind: 'pushed-tag', tag: reference.tag, digest, sizeBytes: content.length };
}

/** Everything that the manifest names, then the manifest. */
async function send(push: OnePush, lease: Lease, report: ReportProgress): Promise<StoredManifest> {
  const { roles, repository, record, reference } = push;
  const { documents } = roles;
  // Topmost first, as Docker shows them.
  const shown = record.layers.map(({ diffId }) => new LayerProgress(diffId, report));
  for (const progress of shown.toReversed()) progress.step('preparing');
  const index = push.isAlone ? undefined : await indexToPush(documents, record.id, repository, reference.tag);
  if (index) return await sendIndex(push, index, shown);
  const known = await usableManifest(documents.manifests.of(record.id), documents.content, repository);
  const manifest = known ? await sendKnown(push, known, shown) : await sendNew(push, lease, shown);
  await repository.putManifest(reference.tag, manifest);
  await remember(push, manifest);
  return manifest;
}

/** Sends an index with the images for other platforms, and all that is attached to them. */
async function sendIndex(
  push: OnePush,
  { index, isThere, manifests, blobs, documents }: IndexOnItsWay,
  shown: readonly LayerProgress[],
): Promise<StoredManifest> {
  const { repository, record, reference } = push;
  if (isThere) {
    for (const progress of shown) progress.step('at-registry');
    return index;
  }
  const own = new Map(record.layers.map(({ blob }, layer) => [blob, shown[layer]]));
  await inParallel(push, (signal) =>
    blobs.map(({ digest, size }) =>
      sendBlob(push, { digest, size, bytes: documents.get(digest) }, own.get(digest), signal),
    ),
  );
  for (const progress of shown) progress.step('pushed');
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
  const { roles, record } = push;
  const { content } = roles.documents;
  const layers: ImageLayer[] = [];
  await inParallel(push, (signal) =>
    record.layers.map(async (layer, index) => {
      const packed =
        layer.compression === 'none' ? await pack(push, layer.diffId, shown[index], signal) : layer;
      lease.protect(packed.blob);
      layers[index] = packed;
      const size = (await content.stat(packed.blob))?.sizeBytes ?? 0;
      await sendBlob(push, { digest: packed.blob, size }, shown[index], signal);
    }),
  );
  const manifest = await buildManifest(record, layers, content);
  await sendBlob(push, decodeManifest(manifest.content).config, undefined, push.signal);
  return manifest;
}

async function pack(
  { roles }: OnePush,
  diffId: Digest,
  progress: LayerProgress | undefined,
  signal: AbortSignal,
): Promise<ImageLayer> {
  return await roles.packing.pack(diffId, {
    signal,
    onProgress: (doneBytes, totalBytes) => progress?.bytes('preparing', doneBytes, totalBytes),
  });
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

interface BlobToSend extends Pick<Descriptor, 'digest' | 'size'> {
  /** Its content, where it is no blob of the store. */
  readonly bytes?: Buffer | undefined;
}

async function sendBlob(
  { roles, repository, reference }: OnePush,
  { digest, size, bytes }: BlobToSend,
  progress: LayerProgress | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { permits, content, table } = roles.sending;
  if (!permits.isFree) progress?.step('waiting');
  using _permit = await permits.acquire(signal);
  const outcome = await repository.upload({
    descriptor: { digest, size },
    read: (offset) => (bytes ? once(bytes.subarray(offset)) : content.chunks(digest, offset)),
    mountFrom: repositoriesWith(table, { digest, ...(progress && { diffId: progress.layer }) }, reference),
    onProgress: (sent) => progress?.bytes('pushing', sent, size),
  });
  switch (outcome.kind) {
    case 'exists':
      return progress?.step('at-registry');
    case 'mounted':
      return progress?.mounted(outcome.from);
    case 'uploaded':
      return progress?.step('pushed');
  }
  return unreachable(outcome);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}

async function remember({ roles, record, reference }: OnePush, manifest: StoredManifest): Promise<void> {
  await roles.registrar.registerPushed(record.id, reference, manifest);
  const attributes = { ...record.config.config.Labels, name: familiarName(reference) };
  roles.emit({ type: 'image', action: 'push', id: familiarReference(reference), attributes });
}
