/** How an output wants its layers compressed. */
import type { LayerCompression } from '#oci/media-types.ts';
import type { OutputAttributes } from '../attributes.ts';
import { COMPRESSION_OF, COMPRESSIONS } from './pack-layer.ts';

export interface OutputCompression {
  readonly compression: LayerCompression;
  /** Gzip whose files can be read one by one: its layers are made before the image is packed. */
  readonly isEstargz: boolean;
  readonly level?: number;
  /** Converts layers that came compressed in another way, too. */
  readonly force: boolean;
}

/** The least and the most that each is given. */
const LEVELS: Readonly<Record<LayerCompression, readonly [number, number]>> = {
  none: [-Infinity, Infinity],
  gzip: [-1, 9],
  zstd: [-131_072, 22],
};

/** @throws {EngineError} `invalid` */
export function compressionOf(attributes: OutputAttributes): OutputCompression {
  const choice = attributes.choice('compression', [...COMPRESSIONS, 'estargz']) ?? 'gzip';
  const isEstargz = choice === 'estargz';
  const compression = isEstargz ? 'gzip' : COMPRESSION_OF[choice];
  const level = attributes.integer('compression-level');
  const [least, most] = LEVELS[compression];
  if (level !== undefined && (level < least || level > most))
    throw attributes.refusal(
      'compression-level',
      String(level),
      `${choice} has levels from ${least} to ${most}`,
    );
  const isPlain = compression !== 'zstd' && !isEstargz;
  if (!isPlain && attributes.flag('oci-mediatypes') === false)
    throw attributes.refusal('compression', choice, 'only with oci-mediatypes=true');
  const force = attributes.flag('force-compression') ?? false;
  return { compression, isEstargz, force, ...(level !== undefined && { level }) };
}
