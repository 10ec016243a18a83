/**
 * Image configurations: OCI image spec, config.md, and Docker's form of it, which has more fields and is otherwise
 * the same. An image's id is the digest of these bytes, so they are kept as they came and only read here.
 */
import type { JsonObject } from '#base/json.ts';
import { type Digest, isDigest } from './digest.ts';
import { decodeImageDefaults, type ImageDefaults } from './image-defaults.ts';
import { JsonShape } from './json-shape.ts';

export const MAXIMUM_CONFIG_BYTES = 8 * 1024 * 1024;

/** Overlay takes no more than 500 lower directories (Linux, fs/overlayfs/params.h). */
export const MAXIMUM_LAYERS = 500;
const MAXIMUM_HISTORY = 10_000;

export interface ImageHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** The step changed no files: it has no entry among the diff IDs. */
  readonly empty_layer?: boolean;
}

export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly variant?: string;
  /** In small letters, as platforms are compared. */
  readonly os: string;
  readonly config: ImageDefaults;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history: readonly ImageHistory[];
  /** Docker's; the comment of a commit or import. */
  readonly comment?: string;
  readonly docker_version?: string;
  readonly container?: string;
  readonly parent?: string;
}

/** @throws {EngineError} `invalid` if it is not one, or beyond a limit */
export function decodeImageConfig(bytes: Buffer): ImageConfig {
  const shape = new JsonShape('image configuration');
  const value = shape.parseUnambiguous(bytes, MAXIMUM_CONFIG_BYTES);
  const rootfs = shape.optionalObject(value, 'rootfs');
  if (!rootfs) throw shape.refusal('rootfs is missing');
  const type = shape.optionalString(rootfs, 'type') ?? 'layers';
  if (type !== 'layers') throw shape.refusal(`rootfs type ${JSON.stringify(type)} is unknown`);
  return {
    ...texts(value, shape, [
      'created',
      'author',
      'variant',
      'comment',
      'docker_version',
      'container',
      'parent',
    ]),
    architecture: shape.optionalString(value, 'architecture') ?? '',
    os: (shape.optionalString(value, 'os') ?? '').toLowerCase(),
    config: decodeImageDefaults(shape.optionalObject(value, 'config') ?? {}, shape),
    rootfs: { type, diff_ids: decodeDiffIds(rootfs, shape) },
    history: shape
      .array(value, 'history', MAXIMUM_HISTORY)
      .map((entry) => decodeHistory(shape.object(entry, 'history entry'), shape)),
  };
}

/** Equal configurations give equal bytes, hence equal image ids: keep the order of the fields in mind. */
export function encodeImageConfig(config: ImageConfig): Buffer {
  return Buffer.from(JSON.stringify(config));
}

function decodeDiffIds(rootfs: JsonObject, shape: JsonShape): readonly Digest[] {
  return shape.array(rootfs, 'diff_ids', MAXIMUM_LAYERS).map((diffId) => {
    if (typeof diffId !== 'string' || !isDigest(diffId))
      throw shape.refusal('a diff ID is not a sha256 digest');
    return diffId;
  });
}

function decodeHistory(value: JsonObject, shape: JsonShape): ImageHistory {
  const isEmpty = shape.optionalBoolean(value, 'empty_layer');
  return {
    ...texts(value, shape, ['created', 'created_by', 'author', 'comment']),
    ...(isEmpty === undefined ? undefined : { empty_layer: isEmpty }),
  };
}

/** The fields that are there; empty ones count as absent. */
function texts<Field extends string>(
  value: JsonObject,
  shape: JsonShape,
  fields: readonly Field[],
): Partial<Record<Field, string>> {
  const found: Partial<Record<Field, string>> = {};
  for (const field of fields) {
    const text = shape.optionalString(value, field);
    if (text) found[field] = text;
  }
  return found;
}
