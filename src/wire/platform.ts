/** The query parameter `platform`: JSON (`{"os":"linux","architecture":"arm64"}`), or the text that people write. */
import { JsonShape } from '#oci/json-shape.ts';
import { parsePlatform, type Platform, platformText } from '#oci/platform.ts';

const MAXIMUM_BYTES = 4096;

/** undefined where none is given; Go's clients give `null` for that, too. @throws {EngineError} `invalid` */
export function decodePlatform(text: string): Platform | undefined {
  if (text === '' || text === 'null') return undefined;
  if (!text.startsWith('{')) return parsePlatform(text);
  const shape = new JsonShape('platform');
  const value = shape.parse(Buffer.from(text), MAXIMUM_BYTES);
  const variant = shape.optionalString(value, 'variant');
  const [os, architecture] = [shape.string(value, 'os'), shape.string(value, 'architecture')];
  return parsePlatform(platformText({ os, architecture, ...(variant ? { variant } : {}) }));
}
