/** `POST /images/create?fromImage=…`. */
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { matchesPlatform, parsePlatform, type Platform } from '#oci/platform.ts';
import { familiarName, familiarReference, parseReference, type Reference, withTag } from '#oci/reference.ts';
import type { Repository } from '#registry/registry.ts';
import type { Lease } from '#store/content.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { Cancelling } from './cancelling.ts';
import { type ImageParts, WorkingSet } from './image-parts.ts';
import { type PullLayer, type PullSource, readPullSource } from './image-pull-source.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import { prepareImage, registerImages } from './image-register.ts';
import type { PullRequest } from './image.ts';
import { KnownLayers } from './known-layers.ts';
import { LayerProgress, type ReportProgress } from './layer-progress.ts';
import { ProgressFeed } from './progress-feed.ts';
import { inPullersWords } from './registry-texts.ts';
import { settleAll } from './settle-all.ts';

/**
 * Pulls one reference or, without a tag, all tags of a repository. An image is visible and durable before its
 * `Status:` line; what a pull that ends early has fetched is kept for the next.
 *
 * @throws {EngineError} before the first message: what `registry.ts` says, `not-found` with Docker's texts
 */
export async function* pullImages(
  parts: ImageParts,
  request: PullRequest,
): AsyncGenerator<ProgressMessage, void> {
  using cancelling = new Cancelling(request.signal, 'Cannot pull image: cancelled');
  const { signal } = cancelling;
  const reference = parseReference(request.reference);
  const platform = request.platform ? parsePlatform(request.platform) : undefined;
  const { credentials = {} } = request;
  const open = (until: AbortSignal) =>
    parts.registries.open(reference, { credentials, access: 'pull', signal: until });
  const repository = open(signal);
  const options = { parts, repository, open, signal, ...(platform ? { platform } : {}) };
  if (reference.tag || reference.digest) {
    const { digest, isNew } = yield* pullOne({ ...options, reference: pulledReference(reference) });
    yield { status: `Digest: ${digest}` };
    yield statusOf(familiarReference(reference), isNew);
    return;
  }
  let isAnyNew = false;
  for await (const tag of tagsOf(repository, reference)) {
    const { digest, isNew } = yield* pullOne({ ...options, reference: withTag(reference, tag) });
    isAnyNew ||= isNew;
    yield { status: `Digest: ${digest}` };
  }
  yield statusOf(familiarName(reference), isAnyNew);
}

/** `name:tag@digest` means the digest. */
function pulledReference({ domain, path, tag, digest }: Reference): Reference {
  return { domain, path, ...(digest ? { digest } : tag ? { tag } : undefined) };
}

function statusOf(name: string, isNew: boolean): ProgressMessage {
  return { status: `Status: ${isNew ? 'Downloaded newer image' : 'Image is up to date'} for ${name}` };
}

async function* tagsOf(repository: Repository, reference: Reference): AsyncGenerator<string, void> {
  try {
    yield* repository.tags();
  } catch (error) {
    throw inPullersWords(error, reference);
  }
}

interface OnePull {
  readonly parts: ImageParts;
  readonly repository: Repository;
  /** The same for as long as another signal says. */
  readonly open: (signal: AbortSignal) => Repository;
  readonly reference: Reference;
  readonly platform?: Platform;
  readonly signal: AbortSignal;
}

interface Pulled {
  /** Of what the reference means. */
  readonly digest: Digest;
  readonly isNew: boolean;
}

async function* pullOne(pull: OnePull): AsyncGenerator<ProgressMessage, Pulled> {
  const { reference, parts } = pull;
  const start = { status: `Pulling from ${reference.path}`, id: reference.tag ?? reference.digest ?? '' };
  const current = await upToDate(pull);
  if (current) {
    yield start;
    return { digest: current, isNew: false };
  }
  const source = await readSource(pull);
  yield start;
  await using work = new WorkingSet(parts);
  const feed = new ProgressFeed();
  const pulling = obtain(pull, source, work.lease, (message) => feed.push(message)).finally(() => feed.end());
  await using _ = { [Symbol.asyncDispose]: () => Promise.allSettled([pulling]).then(() => undefined) };
  yield* feed;
  return { digest: source.root.digest, isNew: await pulling };
}

/** The digest that the tag has here and there; asking for it is cheap, and not counted as a pull by Docker Hub. */
async function upToDate({ parts, repository, reference, platform }: OnePull): Promise<Digest | undefined> {
  const { table } = parts;
  const { tag, domain, path } = reference;
  const named = table.named(reference);
  const image = named && table.get(named.id);
  if (!tag || !image) return undefined;
  if (platform && !matchesPlatform(image.config, platform)) return undefined;
  const { digest } = await repository.resolve(tag).catch((error: unknown) => {
    throw inPullersWords(error, reference);
  });
  if (table.named({ domain, path, digest })?.id !== image.id) return undefined;
  parts.uses.note(image.id);
  return digest;
}

async function readSource({ parts, repository, reference, platform, signal }: OnePull): Promise<PullSource> {
  const { content, registryRetry: retry, maximumLayerBytes } = parts;
  try {
    return await readPullSource({
      repository,
      name: familiarReference(reference),
      reference: reference.digest ?? reference.tag ?? '',
      ...(platform ? { platform } : {}),
      content,
      retry,
      maximumLayerBytes,
      signal,
    });
  } catch (error) {
    throw inPullersWords(error, reference);
  }
}

/** Brings the layers and makes the image. @returns false if the name meant this image already */
async function obtain(
  pull: OnePull,
  source: PullSource,
  lease: Lease,
  report: ReportProgress,
): Promise<boolean> {
  const { parts, reference } = pull;
  const layers = await obtainLayers(pull, source, lease, report);
  const digestReference = { domain: reference.domain, path: reference.path, digest: source.root.digest };
  const references = reference.digest ? [digestReference] : [reference, digestReference];
  const image = { configBytes: source.configBytes, layers, references };
  const record = await prepareImage(image, parts, lease);
  const isNew = parts.table.named(reference)?.id !== record.id;
  parts.manifests.add(record.id, source.manifests);
  await registerImages([{ image, record }], parts);
  parts.layerBlobs.forget(layers.map(({ blob }) => blob));
  emitPulled(parts, record, reference);
  return isNew;
}

function emitPulled({ emit }: ImageParts, { config }: ImageRecord, reference: Reference): void {
  const attributes = { ...config.config.Labels, name: familiarName(reference) };
  emit({ type: 'image', action: 'pull', id: familiarReference(reference), attributes });
}

async function obtainLayers(
  pull: OnePull,
  { layers }: PullSource,
  lease: Lease,
  report: ReportProgress,
): Promise<readonly ImageLayer[]> {
  const failing = new AbortController();
  const signal = AbortSignal.any([pull.signal, failing.signal]);
  lease.protect(...layers.flatMap(({ descriptor, diffId }) => [descriptor.digest, diffId]));
  const known = new KnownLayers(pull.parts);
  const present = await Promise.all(layers.map((layer) => known.find(layer, lease)));
  for (const [index, { descriptor }] of layers.entries())
    new LayerProgress(descriptor.digest, report).status(
      present[index] ? 'Already exists' : 'Pulling fs layer',
    );
  const fetches = layers.map(async (layer, index): Promise<ImageLayer> => {
    const there = present[index];
    if (there) return there;
    try {
      return await fetchLayer(pull, layer, report, signal);
    } catch (error) {
      failing.abort(error);
      throw error;
    }
  });
  return await settleAll(fetches);
}

async function fetchLayer(
  { parts, open }: OnePull,
  { descriptor, compression, diffId }: PullLayer,
  report: ReportProgress,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const layer = await parts.downloads.fetch({ open, descriptor, compression }, report, signal);
  if (layer.diffId === diffId) return layer;
  throw new EngineError(
    'invalid',
    `layer ${descriptor.digest} is not what the image's configuration says: ${layer.diffId} instead of ${diffId}`,
  );
}
