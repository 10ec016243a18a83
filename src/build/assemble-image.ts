import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig, type ImageHistory } from '#oci/image-config.ts';
import { formatDate } from '#wire/timestamps.ts';
import type { BuildRun } from './build-run.ts';
import { layerHistory } from './layer-history.ts';
import type { PlannedHistory, PlannedImage } from './plan.ts';

/** So that tools know whose history it is: the form is BuildKit's. */
const COMMENT = 'buildkit.dockerfile.v0';

export interface AssembledImage {
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly configBytes: Buffer;
  readonly layers: readonly ImageLayer[];
}

/**
 * The image, once all its vertices are solved. What comes from the cache has the time at which it was made, and lines
 * without a layer that of the line before: a build that changes nothing gives the same image.
 */
export async function assembleImage(run: BuildRun, image: PlannedImage): Promise<AssembledImage> {
  const { base, config, author, vertex } = image;
  const layers = await run.layersOf(vertex);
  const history = image.tellsLayers ? await layerHistory(run, vertex) : await historyOf(run, image);
  const created = history.at(-1)?.created ?? base.created;
  const assembled: ImageConfig = {
    ...(created === undefined ? {} : { created }),
    ...(author === undefined ? {} : { author }),
    architecture: base.architecture,
    ...(base.variant === undefined ? {} : { variant: base.variant }),
    os: base.os,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [...base.history, ...history],
  };
  const configBytes = encodeImageConfig(assembled);
  const hash = createHash('sha256').update(configBytes).digest('hex');
  return { id: parseDigest(`sha256:${hash}`), config: assembled, configBytes, layers };
}

async function historyOf(run: BuildRun, { base, history }: PlannedImage): Promise<readonly ImageHistory[]> {
  const lines: ImageHistory[] = [];
  for (const line of history) lines.push(await historyLine(run, line, lines.at(-1)?.created ?? base.created));
  return lines;
}

async function historyLine(
  run: BuildRun,
  { createdBy, vertex }: PlannedHistory,
  before: string | undefined,
): Promise<ImageHistory> {
  const solved = vertex && (await run.solve(vertex));
  const created = solved ? formatDate(solved.createdAtMs) : before;
  return {
    ...(created === undefined ? {} : { created }),
    created_by: createdBy,
    comment: COMMENT,
    ...(solved?.layer ? {} : { empty_layer: true }),
  };
}
