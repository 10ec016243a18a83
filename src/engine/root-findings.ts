/** What a check of the root looks at, part by part. */
import { hasReason, messageOf } from '#base/errors.ts';
import { NO_FILTERS } from '#base/filters.ts';
import type { Containers } from '#container/container.ts';
import type { ImageUpkeep } from '#image/owned-images.ts';
import type { LayerStore, SnapshotStore } from '#layer/layer.ts';
import type { Networks } from '#network/network.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentReader, ContentStore } from '#store/content.ts';
import type { LostDirectory } from '#store/lost-and-found.ts';
import type { Volumes } from '#volume/volume.ts';
import type { Fault } from './integrity.ts';

export interface CheckedParts {
  readonly content: Pick<ContentStore, 'list' | 'path'> & Pick<ContentReader, 'stat'>;
  readonly layers: Pick<LayerStore, 'get' | 'list' | 'check' | 'rebuild' | 'unpack' | 'setAside'>;
  readonly snapshots: Pick<SnapshotStore, 'list'>;
  readonly upkeep: ImageUpkeep;
  readonly containers: Pick<Containers, 'list'>;
  readonly volumes: Pick<Volumes, 'list'>;
  readonly networks: Pick<Networks, 'list'>;
  readonly lost: LostDirectory;
  /** The digest of a file; on a thread. */
  readonly hash: (path: string, signal?: AbortSignal) => Promise<Digest>;
  /** What is wrong with the database; on a thread. */
  readonly checkMetadata: () => Promise<string | undefined>;
}

/** One thing that was looked at. */
export interface Finding {
  readonly counted: 'blobs' | 'layers' | 'images' | 'containers' | 'volumes' | 'networks' | 'metadata';
  readonly sizeBytes: number;
  readonly faults: readonly FoundFault[];
}

/** @see Fault */
export interface FoundFault extends Omit<Fault, 'repair'> {
  readonly repair?: { readonly action: string; readonly run: () => Promise<void> | void };
}

const MOVE = 'moved to lost+found';
const REBUILD = 'made again from its blob';
const GET_AGAIN = 'pull, load or build its image again';

export async function* findingsOf(parts: CheckedParts, signal?: AbortSignal): AsyncGenerator<Finding, void> {
  const problem = await parts.checkMetadata();
  const advice = 'stop the engine, and restore the database from its backup';
  yield {
    counted: 'metadata',
    sizeBytes: 0,
    faults: problem === undefined ? [] : [{ part: 'metadata', subject: 'metadata.db', problem, advice }],
  };
  yield* blobFindings(parts, signal);
  yield* layerFindings(parts, signal);
  yield* imageFindings(parts);
  const all = { all: true, limit: 0, size: false, filters: NO_FILTERS };
  for (const { id, state } of await parts.containers.list(all)) {
    const problem =
      state.status === 'dead' ? (state.failure?.message ?? 'it could not be removed') : undefined;
    yield told('containers', { part: 'container', subject: id, problem });
  }
  for (const { name, problem } of parts.volumes.list())
    yield told('volumes', { part: 'volume', subject: name, problem });
  for (const { network, problem } of parts.networks.list())
    yield told('networks', { part: 'network', subject: network.name, problem });
}

function told(
  counted: Finding['counted'],
  { problem, ...fault }: Pick<Fault, 'part' | 'subject'> & { readonly problem: string | undefined },
): Finding {
  return { counted, sizeBytes: 0, faults: problem === undefined ? [] : [{ ...fault, problem }] };
}

async function* blobFindings(
  { content, upkeep, lost, hash }: CheckedParts,
  signal?: AbortSignal,
): AsyncGenerator<Finding, void> {
  const isOwned = upkeep.ownership();
  for await (const { digest, sizeBytes } of content.list()) {
    const problem = await blobProblem(hash(content.path(digest), signal), digest);
    // It may have been deleted meanwhile.
    const isThere = (await content.stat(digest)) !== undefined;
    const fault = (text: string, why: string): FoundFault => ({
      part: 'blob',
      subject: digest,
      problem: text,
      repair: { action: MOVE, run: () => void lost.take('blob', content.path(digest), why) },
    });
    const faults = [
      ...(problem === undefined ? [] : [{ ...fault(problem, 'a damaged blob'), advice: GET_AGAIN }]),
      ...(problem === undefined && !isOwned(digest)
        ? [fault('no record owns it', 'a blob that no record owns')]
        : []),
    ];
    yield { counted: 'blobs', sizeBytes, faults: isThere ? faults : [] };
  }
}

async function blobProblem(hashing: Promise<Digest>, digest: Digest): Promise<string | undefined> {
  try {
    const actual = await hashing;
    return actual === digest ? undefined : `damaged: its content is ${actual}`;
  } catch (error) {
    return `it cannot be read: ${messageOf(error)}`;
  }
}

async function* layerFindings(
  { layers, snapshots, upkeep }: CheckedParts,
  signal?: AbortSignal,
): AsyncGenerator<Finding, void> {
  const isOwnedByImages = upkeep.ownership();
  for (const { diffId: subject, blob, sizeBytes } of layers.list()) {
    if (!layers.get(subject)) continue;
    const problem = await layers.check(subject, signal);
    const isOwned =
      isOwnedByImages(subject) ||
      isOwnedByImages(blob) ||
      snapshots.list().some((snapshot) => snapshot.layers.includes(subject));
    const rebuild = { action: REBUILD, run: () => rebuildOrGiveUp(layers, subject, signal) };
    const setAside = { action: MOVE, run: () => layers.setAside(subject) };
    const faults: readonly FoundFault[] = [
      ...(isOwned
        ? []
        : [{ part: 'layer', subject, problem: 'no record owns it', repair: setAside } as const]),
      ...(isOwned && problem !== undefined
        ? [{ part: 'layer', subject, problem, repair: rebuild } as const]
        : []),
    ];
    yield { counted: 'layers', sizeBytes, faults: layers.get(subject) ? faults : [] };
  }
}

/** What cannot be made again is out of the way of what is pulled, also where containers are on it. */
async function rebuildOrGiveUp(
  layers: Pick<LayerStore, 'rebuild' | 'setAside'>,
  diffId: Digest,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await layers.rebuild(diffId, signal);
  } catch (error) {
    if (hasReason(error, 'layer-not-restorable')) layers.setAside(diffId, { evenInUse: true });
    throw error;
  }
}

async function* imageFindings({ content, layers, upkeep }: CheckedParts): AsyncGenerator<Finding, void> {
  for (const { id, damage, layers: own } of upkeep.records()) {
    const faults: FoundFault[] = [];
    if (damage !== undefined)
      faults.push({
        part: 'image',
        subject: id,
        problem: `its record is damaged (${damage})`,
        advice: 'remove it (rmi), and pull, load or build it again',
      });
    for (const blob of new Set([id, ...own.map((layer) => layer.blob)])) {
      if (await content.stat(blob)) continue;
      const problem = `its blob ${blob} is missing`;
      faults.push({ part: 'image', subject: id, problem, advice: 'pull, load or build it again' });
    }
    for (const layer of own) {
      if (layers.get(layer.diffId)) continue;
      const run = async () => void (await layers.unpack(layer));
      const problem = `its layer ${layer.diffId} is missing`;
      faults.push({ part: 'image', subject: id, problem, repair: { action: REBUILD, run } });
    }
    yield { counted: 'images', sizeBytes: 0, faults };
  }
}
