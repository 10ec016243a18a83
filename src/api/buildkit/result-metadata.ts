/** Results as clients see and return them: references by platform, and configurations beside them. */
import { EngineError } from '#base/errors.ts';
import type { BuildOutcome, BuiltImage } from '#build/export/outcome.ts';
import { withConfig } from '#build/export/given-config.ts';
import { formatPlatform } from '#build/dockerfile/scopes.ts';
import { decodeImageConfig, encodeImageConfig } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import type { Reference, Result } from '#wire/buildkit/gateway.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import type { ReturnedResult } from './active-build.ts';
import type { BuildResults } from './build-results.ts';

/** BuildKit's names (`exporter/containerimage/exptypes`). */
const CONFIG = 'containerimage.config';
const PLATFORMS = 'refs.platforms';

type Metadata = Readonly<Record<string, Uint8Array>>;

export function metadataOf(texts: Readonly<Record<string, string>>): Metadata {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}

/** @param add makes the reference of one of the images */
export function resultOf(
  { images, isMultiPlatform }: BuildOutcome,
  add: (number: number) => InputOf<typeof Reference>,
): InputOf<typeof Result> {
  const [first] = images;
  if (!isMultiPlatform)
    return { ref: add(0), ...(first && { metadata: { [CONFIG]: encodeImageConfig(first.config) } }) };
  const named = images.map((image) => ({ image, id: formatPlatform(image.platform) }));
  const configs = named.map(({ image, id }) => [`${CONFIG}/${id}`, encodeImageConfig(image.config)] as const);
  const platforms = named.map(({ image: { platform }, id }) => ({ ID: id, Platform: platform }));
  return {
    refs: { refs: Object.fromEntries(named.map(({ id }, number) => [id, add(number)])) },
    metadata: {
      ...Object.fromEntries(configs),
      [PLATFORMS]: Buffer.from(JSON.stringify({ Platforms: platforms })),
    },
  };
}

/**
 * What the client wants to be exported; undefined where that is nothing. What is not built yet is built.
 *
 * @throws {EngineError} `invalid` for references that are not known and configurations that are none, and what building
 *   fails with
 */
export async function returnedOutcome(
  results: BuildResults,
  result: Result | undefined,
): Promise<ReturnedResult | undefined> {
  if (!result) return undefined;
  const references = result.refs ? namedReferences(result) : [['', result.ref?.id ?? ''] as const];
  const [, firstId] = references[0] ?? ['', ''];
  if (firstId === '') return undefined;
  const images = await Promise.all(
    references.map(async ([name, id]) => configured(await results.image(id), name, result)),
  );
  const { build, held } = results.get(firstId);
  const outcome = await build.solve(held);
  return { held, outcome: { ...outcome, images, isMultiPlatform: result.refs !== undefined } };
}

/** In the order of the platforms beside them: maps of the wire have none. */
function namedReferences({ refs, metadata }: Result): readonly (readonly [string, string])[] {
  const named = [...(refs?.refs ?? [])].map(([name, ref]) => [name, ref?.id ?? ''] as const);
  const order = platformNames(metadata.get(PLATFORMS));
  return named.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}

const shape = new JsonShape(PLATFORMS);
const MAXIMUM_BYTES = 1 << 20;
const MAXIMUM_PLATFORMS = 1000;

/** @throws {EngineError} `invalid` */
function platformNames(metadata: Uint8Array | undefined): readonly string[] {
  if (!metadata) return [];
  const platforms = shape.parse(Buffer.from(metadata), MAXIMUM_BYTES);
  return shape
    .array(platforms, 'Platforms', MAXIMUM_PLATFORMS)
    .map((platform) => shape.string(shape.object(platform, 'platform'), 'ID'));
}

/** With the client's configuration, if it is not the one that it was given. */
function configured(image: BuiltImage, name: string, { metadata }: Result): BuiltImage {
  const given = metadata.get(name === '' ? CONFIG : `${CONFIG}/${name}`);
  if (!given || Buffer.from(given).equals(encodeImageConfig(image.config))) return image;
  try {
    return withConfig(image, decodeImageConfig(Buffer.from(given)));
  } catch (cause) {
    throw new EngineError('invalid', 'invalid image config for export', { cause });
  }
}
