/** What a client returns as the result of a build that it has led. */
import { EngineError, messageOf } from '#base/errors.ts';
import { withConfig } from '#build/export/given-config.ts';
import type { BuiltImage } from '#build/export/outcome.ts';
import { decodeImageConfig, encodeImageConfig, MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import type { Result } from '#wire/buildkit/gateway.ts';
import type { ActiveBuild, ReturnedResult } from './active-build.ts';
import { graphRequest } from './graph-request.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';
import { CONFIG, PLATFORMS } from './result-metadata.ts';

/** A graph of nothing. */
const SCRATCH = { def: [], metadata: new Map(), Source: undefined };

/**
 * What is to be exported; undefined where that is nothing. What is not built yet is built.
 *
 * @throws {EngineError} `invalid` for references that are not known and configurations that are none, and what building
 *   fails with
 */
export async function returnedResult(
  parts: BuildkitRoles,
  build: ActiveBuild,
  result: Result | undefined,
): Promise<ReturnedResult | undefined> {
  if (!result) return undefined;
  const { Exporters, ExporterDeprecated } = await build.asked;
  const isExported = Exporters.length > 0 || ExporterDeprecated !== '';
  const references = referencesIn(result).filter(({ id }) => isExported || id !== '');
  const opened = await Promise.all(references.map(({ id }) => openResult(parts, build, id)));
  const images = opened.map(({ image }, index) => configured(image, references[index]?.name ?? '', result));
  const [first] = opened;
  if (!first) return undefined;
  const outcome = await build.solve(first.bridge);
  return {
    bridge: first.bridge,
    outcome: { ...outcome, images, isMultiPlatform: result.refs !== undefined },
  };
}

interface NamedReference {
  /** A platform's; empty where there is one reference only. */
  readonly name: string;
  readonly id: string;
}

/** Results in the order of the platforms beside them, since maps of the wire have no order. */
function referencesIn({ ref, refs, metadata }: Result): readonly NamedReference[] {
  if (!refs) return [{ name: '', id: ref?.id ?? '' }];
  const order = platformNames(metadata.get(PLATFORMS));
  return [...refs.refs]
    .map(([name, named]) => ({ name, id: named?.id ?? '' }))
    .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
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

/** An empty reference is an empty file system. */
async function openResult(parts: BuildkitRoles, build: ActiveBuild, id: string) {
  if (id !== '') return { image: await parts.results.image(id), bridge: parts.results.get(id).bridge };
  const bridge = await build.open(parts.engine.builds, await graphRequest(parts, build, SCRATCH));
  const [image] = (await build.solve(bridge)).images;
  if (!image) throw new EngineError('internal', 'Cannot export nothing: it has no image');
  return { image, bridge };
}

/** What files an image has is not for the client to say. */
function withoutFiles(config: Uint8Array): Buffer {
  const fields = new JsonShape('image configuration').parse(Buffer.from(config), MAXIMUM_CONFIG_BYTES);
  return Buffer.from(JSON.stringify({ ...fields, rootfs: { type: 'layers', diff_ids: [] } }));
}

/** The result with the client's configuration, if that is not the one that the client was given. */
function configured(image: BuiltImage, name: string, { metadata }: Result): BuiltImage {
  const given = metadata.get(name === '' ? CONFIG : `${CONFIG}/${name}`);
  if (!given || Buffer.from(given).equals(encodeImageConfig(image.config))) return image;
  try {
    return withConfig(image, decodeImageConfig(withoutFiles(given)));
  } catch (cause) {
    const text = `invalid image config for export: ${messageOf(cause)}`;
    throw new EngineError('invalid', text, { cause });
  }
}
