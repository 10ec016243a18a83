import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig, type ImageHistory } from '#oci/image-config.ts';
import { formatDate } from '#base/timestamps.ts';
import type { Solver } from '../solve/solver.ts';
import { layerHistory } from './layer-history.ts';
import type { PlannedImage } from '../plan/plan.ts';

/** Tells tools whose history it is: the form is BuildKit's. */
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
export async function assembleImage(solver: Solver, image: PlannedImage): Promise<AssembledImage> {
  const { base, config, author, vertex } = image;
  const layers = await solver.layersOf(vertex);
  const history = image.tellsLayers ? await layerHistory(solver, vertex) : await historyOf(solver, image);
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

/** Lines before the first layer have its time, as the base's would be that of another build. */
async function historyOf(solver: Solver, { base, history }: PlannedImage): Promise<readonly ImageHistory[]> {
  const solved = await Promise.all(
    history.map(async ({ vertex }) => (vertex ? await solver.solve(vertex) : undefined)),
  );
  const times = solved.map((one) => one && formatDate(one.createdAtMs));
  let created = times.find((time) => time !== undefined) ?? base.created;
  return history.map(({ createdBy }, index) => {
    created = times[index] ?? created;
    return {
      ...(created === undefined ? {} : { created }),
      created_by: createdBy,
      comment: COMMENT,
      ...(solved[index]?.layer ? {} : { empty_layer: true }),
    };
  });
}
