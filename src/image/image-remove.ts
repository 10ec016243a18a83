/** `DELETE /images/{name}`, with Docker's rules about what may go (moby, daemon/images/image_delete.go). */
import { EngineError } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { ImageDeletion } from '#wire/image.ts';
import { chainIds } from './chain-ids.ts';
import { emitImageEvent } from './image-events.ts';
import { findImage, isIdPrefix } from './image-lookup.ts';
import type { ImageParts } from './image-parts.ts';
import { isOtherPlatform, otherPlatformsOf } from './image-platforms.ts';
import { blobsOf, type ImageRecord } from './image-record.ts';
import type { NamedImage } from './image-table.ts';

export interface RemoveOptions {
  readonly force: boolean;
  /** Remove untagged parents too. */
  readonly prune: boolean;
}

/** Why an image may not go. */
interface Conflict {
  readonly isHard: boolean;
  /** A container stands on it. */
  readonly isUsed: boolean;
  readonly reason: string;
}

type Check = 'children' | 'running' | 'names' | 'stopped';

const HARD: readonly Check[] = ['children', 'running'];
const ALL: readonly Check[] = [...HARD, 'names', 'stopped'];

/**
 * What was untagged and deleted, in order. A name goes alone while the image has others.
 *
 * @throws {EngineError} `not-found`, or `conflict` with Docker's texts
 */
export async function removeImage(
  parts: ImageParts,
  text: string,
  options: RemoveOptions,
): Promise<readonly ImageDeletion[]> {
  return await new Removal(parts, options).run(text);
}

class Removal {
  readonly #parts: ImageParts;
  readonly #options: RemoveOptions;
  readonly #deletions: ImageDeletion[] = [];

  constructor(parts: ImageParts, options: RemoveOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(text: string): Promise<readonly ImageDeletion[]> {
    const image = findImage(this.#parts.table, text);
    const isDone = isIdPrefix(image.id, text) ? this.#untagById(image) : this.#untagByName(image, text);
    if (!isDone) await this.#delete(image, this.#options.force, !isIdPrefix(image.id, text));
    await this.#parts.metadata.durable();
    return this.#deletions;
  }

  /** @returns true if that was all: other names remain */
  #untagByName(image: ImageRecord, text: string): boolean {
    const { table, use } = this.#parts;
    const [container] = use.containersOf(image.id);
    if (container && !this.#options.force && isSingleReference(table.namesOf(image.id)))
      throw new EngineError(
        'conflict',
        `conflict: unable to remove repository reference "${text}" (must force) - container ` +
          `${shortId(container.id)} is using its referenced image ${shortId(image.id)}`,
      );
    const reference = withDefaultTag(parseReference(text));
    this.#untag(image, table.named(reference)?.reference ?? reference);
    this.#untagDigests(image, reference);
    return table.namesOf(image.id).length > 0;
  }

  /** Digests of a repository go with its last tag. */
  #untagDigests(image: ImageRecord, removed: Reference): void {
    const rest = this.#parts.table
      .namesOf(image.id)
      .filter(({ reference }) => reference.domain === removed.domain && reference.path === removed.path);
    if (removed.digest || rest.some(({ reference }) => !reference.digest)) return;
    for (const { reference } of rest) this.#untag(image, reference);
  }

  #untagById(image: ImageRecord): false {
    const names = this.#parts.table.namesOf(image.id);
    if (!isSingleReference(names)) return false;
    this.#refuse(image, this.#options.force ? HARD : ['children', 'running', 'stopped']);
    for (const { reference } of names) this.#untag(image, reference);
    return false;
  }

  #untag(image: ImageRecord, reference: Reference): void {
    this.#parts.table.untag(reference);
    emitImageEvent(this.#parts.emit, 'untag', image, image.id);
    this.#deletions.push({ Untagged: familiarReference(reference) });
  }

  /** @param isQuiet the image stays without an error where it may not go, unless it would be left dangling */
  async #delete(image: ImageRecord, force: boolean, isQuiet: boolean): Promise<void> {
    const conflict = this.#findConflict(image.id, force ? HARD : ALL);
    if (conflict) {
      if (isQuiet && (!this.#isDangling(image.id) || conflict.isUsed)) return;
      throw conflictError(image.id, conflict);
    }
    for (const { reference } of this.#parts.table.namesOf(image.id)) this.#untag(image, reference);
    const others = otherPlatformsOf(this.#parts, image);
    await this.#deleteRecord(image);
    await this.#deleteOthers(others);
    const parent = image.parent && this.#parts.table.get(image.parent);
    if (this.#options.prune && parent) await this.#delete(parent, false, true);
  }

  /** Other platforms go with the last image whose name stood for them. */
  async #deleteOthers(others: readonly ImageRecord[]): Promise<void> {
    if (!this.#options.prune) return;
    for (const other of others) {
      const isHere = this.#parts.table.get(other.id) !== undefined;
      if (isHere && !isOtherPlatform(this.#parts, other)) await this.#delete(other, false, true);
    }
  }

  async #deleteRecord(image: ImageRecord): Promise<void> {
    const { table, emit, garbage, metadata, uses } = this.#parts;
    table.delete(image.id);
    uses.forget(image.id);
    emitImageEvent(emit, 'delete', image, image.id);
    this.#deletions.push({ Deleted: image.id });
    // Power loss must not bring back the record of an image whose blobs are gone.
    await metadata.durable();
    const diffIds = image.layers.map(({ diffId }) => diffId);
    const gone = await garbage.collect({ blobs: blobsOf(image), diffIds });
    const chains = chainIds(diffIds);
    for (const [index, diffId] of [...diffIds.entries()].toReversed()) {
      const chain = chains[index];
      if (gone.has(diffId) && chain) this.#deletions.push({ Deleted: chain });
    }
  }

  #refuse(image: ImageRecord, checks: readonly Check[]): void {
    const conflict = this.#findConflict(image.id, checks);
    if (conflict) throw conflictError(image.id, conflict);
  }

  #findConflict(id: Digest, checks: readonly Check[]): Conflict | undefined {
    for (const check of checks) {
      const conflict = this.#check(id, check);
      if (conflict) return conflict;
    }
    return undefined;
  }

  #check(id: Digest, check: Check): Conflict | undefined {
    const { table, use } = this.#parts;
    if (check === 'children') {
      if (table.childrenOf(id).size === 0) return undefined;
      return { isHard: true, isUsed: false, reason: 'image has dependent child images' };
    }
    if (check === 'names') {
      if (table.namesOf(id).length === 0) return undefined;
      return { isHard: false, isUsed: false, reason: 'image is referenced in multiple repositories' };
    }
    const isRunning = check === 'running';
    const container = use.containersOf(id).find(({ running }) => running === isRunning);
    if (!container) return undefined;
    const reason = `image is being used by ${isRunning ? 'running' : 'stopped'} container ${shortId(container.id)}`;
    return { isHard: isRunning, isUsed: true, reason };
  }

  #isDangling(id: Digest): boolean {
    const { table } = this.#parts;
    return table.namesOf(id).length === 0 && table.childrenOf(id).size === 0;
  }
}

/** At most one tag, and everything in one repository. */
function isSingleReference(names: readonly NamedImage[]): boolean {
  const repositories = new Set(names.map(({ reference }) => `${reference.domain}/${reference.path}`));
  const tags = names.filter(({ reference }) => !reference.digest);
  return names.length <= 1 || (repositories.size === 1 && tags.length <= 1);
}

function conflictError(id: Digest, { isHard, reason }: Conflict): EngineError {
  const force = isHard ? 'cannot be forced' : 'must be forced';
  return new EngineError('conflict', `conflict: unable to delete ${shortId(id)} (${force}) - ${reason}`);
}
