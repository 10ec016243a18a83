/** Removes images, with Docker's rules about what may go (moby, daemon/images/image_delete.go). */
import type { EngineError } from '#base/errors.ts';
import type { EmitEvent } from '#base/event.ts';
import { shortId } from '#base/ids.ts';
import { unreachable } from '#base/unreachable.ts';
import type { Digest } from '#oci/digest.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { Metadata } from '#store/metadata.ts';
import { chainIds } from './chain-ids.ts';
import { type ImageErrorReason, imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import type { ImageGarbage } from './image-garbage.ts';
import { findRecord, isIdPrefix } from './image-lookup.ts';
import type { ImageManifests } from './image-manifests.ts';
import { findForPlatform, isOtherPlatform, membersOfIndex, otherPlatformsOf } from './image-platforms.ts';
import { blobsOf, type ImageRecord } from './image-record.ts';
import type { ImageTable, NamedImage } from './image-table.ts';
import type { ImageUses } from './image-uses.ts';
import type { ImageRemoval } from './image-view.ts';
import type { ImageUse, RemoveOptions } from './image.ts';

export interface RemovalRoles {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly metadata: Metadata;
  readonly uses: ImageUses;
  readonly garbage: ImageGarbage;
  readonly use: ImageUse;
  readonly emit: EmitEvent;
}

/** Why an image may not go. */
interface Conflict {
  readonly reason: Extract<
    ImageErrorReason,
    'image-has-children' | 'image-has-names' | 'image-of-running' | 'image-of-stopped'
  >;
  /** The container that was made from it, where that is why. */
  readonly container?: string;
}

type Check = 'children' | 'running' | 'names' | 'stopped';

const HARD: readonly Check[] = ['children', 'running'];
const ALL: readonly Check[] = [...HARD, 'names', 'stopped'];

/**
 * What was untagged and deleted, in order. A name goes alone while the image has others.
 *
 * @throws {EngineError} `no-such-image`, `last-name-in-use`, `image-…`
 */
export async function removeImage(
  roles: RemovalRoles,
  text: string,
  options: RemoveOptions,
): Promise<readonly ImageRemoval[]> {
  const removal = new Removal(roles, options);
  const { platforms = [] } = options;
  return await (platforms.length > 0 ? removal.runForPlatforms(text, platforms) : removal.run(text));
}

class Removal {
  readonly #roles: RemovalRoles;
  readonly #options: RemoveOptions;
  readonly #removals: ImageRemoval[] = [];

  constructor(roles: RemovalRoles, options: RemoveOptions) {
    this.#roles = roles;
    this.#options = options;
  }

  async run(text: string): Promise<readonly ImageRemoval[]> {
    const image = findRecord(this.#roles.table, text);
    const isDone = isIdPrefix(image.id, text) ? this.#untagById(image) : this.#untagByName(image, text);
    if (!isDone) await this.#delete(image, this.#options.force, !isIdPrefix(image.id, text));
    await this.#roles.metadata.durable();
    return this.#removals;
  }

  /** @returns true if that was all: other names remain */
  #untagByName(image: ImageRecord, text: string): boolean {
    const { table, use } = this.#roles;
    const [container] = use.containersOf(image.id);
    if (container && !this.#options.force && isSingleReference(table.namesOf(image.id)))
      throw imageError('last-name-in-use', {
        subject: text,
        details: { container: shortId(container.id), image: shortId(image.id) },
      });
    const reference = withDefaultTag(parseReference(text));
    this.#untag(image, table.named(reference)?.reference ?? reference);
    this.#untagDigests(image, reference);
    return table.namesOf(image.id).length > 0;
  }

  /** What is not here is refused before anything goes. */
  async runForPlatforms(text: string, platforms: readonly Platform[]): Promise<readonly ImageRemoval[]> {
    const images = platforms.map((platform) => findForPlatform(this.#roles, text, platform));
    for (const image of new Set(images)) {
      this.#refuse(image, this.#options.force ? HARD : ['children', 'running', 'stopped']);
      this.#handNamesOver(image);
      await this.#delete(image, this.#options.force, false);
    }
    await this.#roles.metadata.durable();
    return this.#removals;
  }

  /** The names of an image mean another platform of it then; the last one's go with it. */
  #handNamesOver(image: ImageRecord): void {
    const { table } = this.#roles;
    const names = table.namesOf(image.id);
    const heir = membersOfIndex(this.#roles, image).find((member) => member.image.id !== image.id)?.image;
    if (names.length === 0) return;
    if (heir)
      table.add(
        [],
        names.map(({ reference }) => ({ reference, id: heir.id })),
      );
    else for (const { reference } of names) this.#untag(image, reference);
  }

  /** Digests of a repository go with its last tag, without an event of their own. */
  #untagDigests(image: ImageRecord, removed: Reference): void {
    const rest = this.#roles.table
      .namesOf(image.id)
      .filter(({ reference }) => reference.domain === removed.domain && reference.path === removed.path);
    if (removed.digest || rest.some(({ reference }) => !reference.digest)) return;
    for (const { reference } of rest) this.#dropName(reference);
  }

  #untagById(image: ImageRecord): false {
    const names = this.#roles.table.namesOf(image.id);
    if (!isSingleReference(names)) return false;
    this.#refuse(image, this.#options.force ? HARD : ['children', 'running', 'stopped']);
    for (const { reference } of names) this.#untag(image, reference);
    return false;
  }

  #untag(image: ImageRecord, reference: Reference): void {
    this.#dropName(reference);
    emitImageEvent(this.#roles.emit, 'untag', image, image.id);
  }

  #dropName(reference: Reference): void {
    this.#roles.table.untag(reference);
    this.#removals.push({ kind: 'untagged', name: familiarReference(reference) });
  }

  /** @param isQuiet the image stays without an error where it may not go, unless it would be left dangling */
  async #delete(image: ImageRecord, force: boolean, isQuiet: boolean): Promise<void> {
    const conflict = this.#findConflict(image.id, force ? HARD : ALL);
    if (conflict) {
      if (isQuiet && (!this.#isDangling(image.id) || conflict.container !== undefined)) return;
      throw conflictError(image.id, conflict);
    }
    for (const { reference } of this.#roles.table.namesOf(image.id)) this.#untag(image, reference);
    const others = otherPlatformsOf(this.#roles, image);
    await this.#deleteRecord(image);
    await this.#deleteOthers(others);
    const parent = image.parent && this.#roles.table.get(image.parent);
    if (this.#options.prune && parent) await this.#delete(parent, false, true);
  }

  /** Other platforms go with the last image whose name stood for them. */
  async #deleteOthers(others: readonly ImageRecord[]): Promise<void> {
    if (!this.#options.prune) return;
    for (const other of others) {
      const isHere = this.#roles.table.get(other.id) !== undefined;
      if (isHere && !isOtherPlatform(this.#roles, other)) await this.#delete(other, false, true);
    }
  }

  async #deleteRecord(image: ImageRecord): Promise<void> {
    const { table, emit, garbage, metadata, uses } = this.#roles;
    const diffIds = image.layers.map(({ diffId }) => diffId);
    const released = { blobs: blobsOf(image), diffIds };
    garbage.release(released);
    table.delete(image.id);
    uses.forget(image.id);
    emitImageEvent(emit, 'delete', image, image.id);
    this.#removals.push({ kind: 'deleted', digest: image.id });
    // Power loss must not bring back the record of an image whose blobs are gone.
    await metadata.durable();
    const gone = await garbage.collect(released);
    const chains = chainIds(diffIds);
    for (const [index, diffId] of [...diffIds.entries()].toReversed()) {
      const chain = chains[index];
      if (gone.has(diffId) && chain) this.#removals.push({ kind: 'deleted', digest: chain });
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
    const { table } = this.#roles;
    switch (check) {
      case 'children':
        return table.childrenOf(id).size > 0 ? { reason: 'image-has-children' } : undefined;
      case 'names':
        return table.namesOf(id).length > 0 ? { reason: 'image-has-names' } : undefined;
      case 'running':
        return this.#checkUse(id, true);
      case 'stopped':
        return this.#checkUse(id, false);
    }
    return unreachable(check);
  }

  #checkUse(id: Digest, isRunning: boolean): Conflict | undefined {
    const container = this.#roles.use.containersOf(id).find(({ running }) => running === isRunning);
    if (!container) return undefined;
    const reason = isRunning ? 'image-of-running' : 'image-of-stopped';
    return { reason, container: shortId(container.id) };
  }

  #isDangling(id: Digest): boolean {
    const { table } = this.#roles;
    return table.namesOf(id).length === 0 && table.childrenOf(id).size === 0;
  }
}

/** True if there is one tag at most, and everything is in one repository. */
function isSingleReference(names: readonly NamedImage[]): boolean {
  const repositories = new Set(names.map(({ reference }) => `${reference.domain}/${reference.path}`));
  const tags = names.filter(({ reference }) => !reference.digest);
  return names.length <= 1 || (repositories.size === 1 && tags.length <= 1);
}

function conflictError(id: Digest, { reason, container = '' }: Conflict): EngineError {
  return imageError(reason, { subject: shortId(id), details: { container } });
}
