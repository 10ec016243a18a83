/** Finding images by what people type. */
import { type Digest, isDigest } from '#oci/digest.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import { imageError } from './image-errors.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable } from './image-table.ts';

const HEX = /^[0-9a-f]{1,64}$/;

/**
 * By full id, name, or a prefix of an id that only one image has; a name goes before a prefix.
 *
 * @throws {EngineError} `no-such-image`, `record-damaged`, `invalid` if it could be neither
 */
export function findImage(table: ImageTable, text: string): ImageRecord {
  const image = findRecord(table, text);
  const { id: subject, damage } = image;
  if (damage !== undefined) throw imageError('record-damaged', { subject, details: { damage } });
  return image;
}

/** The same for who only removes it: it may be damaged. */
export function findRecord(table: ImageTable, text: string): ImageRecord {
  const id = fullId(text);
  if (id) return table.get(id) ?? missing(id);
  const reference = withDefaultTag(parseReference(text));
  const named = table.named(reference) ?? namedByTagOf(table, reference);
  return (named && table.get(named.id)) ?? byPrefix(table, text) ?? missing(familiarReference(reference));
}

/** The image itself first. */
export function descendantsOf(table: ImageTable, id: Digest): readonly Digest[] {
  return [id, ...[...table.childrenOf(id)].flatMap((child) => descendantsOf(table, child))];
}

/** True if `text` names `id` by its digits rather than by a reference. */
export function isIdPrefix(id: Digest, text: string): boolean {
  return id.startsWith(text) || id.slice('sha256:'.length).startsWith(text);
}

/** The one image whose id starts with these digits. */
function byPrefix(table: ImageTable, text: string): ImageRecord | undefined {
  const prefix = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  if (!HEX.test(prefix)) return undefined;
  const [id, another] = table.withPrefix(prefix);
  return id && !another ? table.get(id) : undefined;
}

export function fullId(text: string): Digest | undefined {
  const candidate = text.startsWith('sha256:') ? text : `sha256:${text}`;
  return isDigest(candidate) ? candidate : undefined;
}

/** `name:tag@digest` means what the digest says; where only the tag is known here, its id must be that digest. */
function namedByTagOf(table: ImageTable, { domain, path, tag, digest }: Reference) {
  if (!digest) return undefined;
  const named = tag ? table.named({ domain, path, tag }) : undefined;
  if (named?.id === digest) return named;
  return table
    .namesOf(digest)
    .find(({ reference }) => reference.domain === domain && reference.path === path);
}

function missing(subject: string): never {
  throw imageError('no-such-image', { subject });
}
