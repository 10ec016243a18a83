/** Images from registries. */
import type { EmitEvent } from '#base/event.ts';
import type { Digest } from '#oci/digest.ts';
import { matchesPlatform, parsePlatform, type Platform } from '#oci/platform.ts';
import { familiarName, familiarReference, parseReference, type Reference, withTag } from '#oci/reference.ts';
import type { Repository } from '#registry/registry.ts';
import type { Lease } from '#store/content.ts';
import { Cancelling } from './cancelling.ts';
import { imageError } from './image-errors.ts';
import type { PullProgress } from './image-progress.ts';
import { type PullLayer, type PullSource, readPullSource, type SourceReading } from './image-pull-source.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { ImageRegistrar } from './image-registrar.ts';
import type { ImageTable } from './image-table.ts';
import type { ImageUses } from './image-uses.ts';
import type { PullRequest } from './image.ts';
import type { LayerDownloads } from './layer-downloads.ts';
import { LayerProgress, type ReportProgress } from './layer-progress.ts';
import { ProgressFeed } from './progress-feed.ts';
import { asImageError } from './registry-answers.ts';
import { settleAll } from './settle-all.ts';
import type { WorkingSets } from './working-sets.ts';

export interface PullRoles {
  readonly reading: SourceReading;
  readonly downloads: LayerDownloads;
  readonly table: ImageTable;
  readonly uses: ImageUses;
  readonly registrar: ImageRegistrar;
  readonly workingSets: WorkingSets;
  readonly emit: EmitEvent;
}

/**
 * Pulls one reference or, without a tag, all tags of a repository. An image is visible and durable before its
 * `pulled`; what a pull that ends early has fetched is kept for the next.
 *
 * @throws {EngineError} before the first progress: what `registry.ts` says, `manifest-unknown`, `pull-denied`, …
 */
export async function* pullImages(
  roles: PullRoles,
  request: PullRequest,
): AsyncGenerator<PullProgress, void> {
  using cancelling = new Cancelling(request.signal, 'pull');
  const { signal } = cancelling;
  const reference = parseReference(request.reference);
  if (familiarName(reference) === 'scratch') throw imageError('pull-of-scratch');
  const platform = request.platform ? parsePlatform(request.platform) : undefined;
  const { credentials = {} } = request;
  const open = (until: AbortSignal) =>
    roles.reading.registries.open(reference, { credentials, access: 'pull', signal: until });
  const repository = open(signal);
  const options = { roles, repository, open, signal, ...(platform ? { platform } : {}) };
  if (reference.tag || reference.digest) {
    const { digest, isNew } = yield* pullOne({ ...options, reference: pulledReference(reference) });
    yield { kind: 'resolved', digest };
    yield { kind: 'pulled', name: familiarReference(reference), isNew };
    return;
  }
  let isAnyNew = false;
  for await (const tag of tagsOf(repository, reference)) {
    const { digest, isNew } = yield* pullOne({ ...options, reference: withTag(reference, tag) });
    isAnyNew ||= isNew;
    yield { kind: 'resolved', digest };
  }
  yield { kind: 'pulled', name: familiarName(reference), isNew: isAnyNew };
}

/** `name:tag@digest` means the digest. */
function pulledReference({ domain, path, tag, digest }: Reference): Reference {
  return { domain, path, ...(digest ? { digest } : tag ? { tag } : undefined) };
}

async function* tagsOf(repository: Repository, reference: Reference): AsyncGenerator<string, void> {
  try {
    yield* repository.tags();
  } catch (error) {
    throw asImageError(error, reference);
  }
}

interface OnePull {
  readonly roles: PullRoles;
  readonly repository: Repository;
  /** The same for as long as another signal says. */
  readonly open: (signal: AbortSignal) => Repository;
  readonly reference: Reference;
  readonly platform?: Platform;
  readonly signal: AbortSignal;
}

interface Pulled {
  /** The digest of what the reference means. */
  readonly digest: Digest;
  readonly isNew: boolean;
}

async function* pullOne(pull: OnePull): AsyncGenerator<PullProgress, Pulled> {
  const { reference, roles } = pull;
  const target = reference.tag ?? reference.digest ?? '';
  const start = { kind: 'pulling', path: reference.path, target } as const;
  const current = await upToDate(pull);
  if (current) {
    yield start;
    return { digest: current, isNew: false };
  }
  const source = await readSource(pull);
  yield start;
  await using lease = roles.workingSets.open();
  const feed = new ProgressFeed();
  const pulling = obtain(pull, source, lease, (movement) => feed.push(movement)).finally(() => feed.end());
  await using _ = { [Symbol.asyncDispose]: () => Promise.allSettled([pulling]).then(() => undefined) };
  yield* feed;
  return { digest: source.root.digest, isNew: await pulling };
}

/** The digest that the tag has here and there; asking for it is cheap, and not counted as a pull by Docker Hub. */
async function upToDate({ roles, repository, reference, platform }: OnePull): Promise<Digest | undefined> {
  const { table, uses, emit, downloads } = roles;
  const { tag, domain, path } = reference;
  const named = table.named(reference);
  const image = named && table.get(named.id);
  if (!tag || !image || image.damage !== undefined || !(await downloads.areHere(image.layers)))
    return undefined;
  if (platform && !matchesPlatform(image.config, platform)) return undefined;
  const { digest } = await repository.resolve(tag).catch((error: unknown) => {
    throw asImageError(error, reference);
  });
  if (table.named({ domain, path, digest })?.id !== image.id) return undefined;
  uses.note(image.id);
  emitPulled(emit, image, reference);
  return digest;
}

async function readSource({ roles, repository, reference, platform, signal }: OnePull): Promise<PullSource> {
  try {
    return await readPullSource({
      reading: roles.reading,
      repository,
      name: familiarReference(reference),
      reference: reference.digest ?? reference.tag ?? '',
      ...(platform ? { platform } : {}),
      signal,
    });
  } catch (error) {
    throw asImageError(error, reference);
  }
}

/** Brings the layers and makes the image. @returns false if the name meant this image already */
async function obtain(
  pull: OnePull,
  source: PullSource,
  lease: Lease,
  report: ReportProgress,
): Promise<boolean> {
  const { reference } = pull;
  const { table, registrar, emit } = pull.roles;
  const layers = await obtainLayers(pull, source, lease, report);
  const digestReference = { domain: reference.domain, path: reference.path, digest: source.root.digest };
  const references = reference.digest ? [digestReference] : [reference, digestReference];
  const { configBytes, manifests } = source;
  const prepared = await registrar.prepare({ configBytes, layers, references, manifests }, lease);
  const isNew = table.named(reference)?.id !== prepared.record.id;
  await registrar.registerPulled(prepared);
  emitPulled(emit, prepared.record, reference);
  return isNew;
}

function emitPulled(emit: EmitEvent, { config }: ImageRecord, reference: Reference): void {
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
  const { downloads, table } = pull.roles;
  const known = downloads.knownLayers(table);
  const present = await Promise.all(layers.map((layer) => known.find(layer, lease)));
  for (const [index, { descriptor }] of layers.entries())
    new LayerProgress(descriptor.digest, report).step(present[index] ? 'present' : 'queued');
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
  { roles, open }: OnePull,
  { descriptor, compression, diffId }: PullLayer,
  report: ReportProgress,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const layer = await roles.downloads.fetch({ open, descriptor, compression }, report, signal);
  if (layer.diffId === diffId) return layer;
  throw imageError('layer-not-as-configured', {
    details: { digest: descriptor.digest, actual: layer.diffId, expected: diffId },
  });
}
