import { ExitError } from '../usage-error.ts';

/** `index`, `manifest-descriptor[linux/amd64]`: where an annotation goes, and of which platform. */
const PLACE = /^[a-z-]+(?:\[[A-Za-z0-9_/.-]+\])?$/;

/**
 * `--annotation [PLACE[,PLACE…]:]KEY=VALUE`, as attributes of an output: `annotation-index.KEY`.
 *
 * @throws {ExitError}
 */
export function annotationAttributes(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.flatMap(attributesOf));
}

function attributesOf(text: string): readonly (readonly [name: string, value: string])[] {
  const [, before = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const colon = before.indexOf(':');
  const places = colon < 0 ? [] : before.slice(0, colon).split(',');
  // Keys may have a colon, too.
  const hasPlaces = places.length > 0 && places.every((place) => PLACE.test(place));
  const key = hasPlaces ? before.slice(colon + 1) : before;
  if (key === '' || /\s/.test(key))
    throw new ExitError(1, `invalid annotation ${JSON.stringify(text)}: expected [TYPE:]KEY=VALUE`);
  if (!hasPlaces) return [[`annotation.${key}`, value]];
  return places.map((place) => [`annotation-${place}.${key}`, value]);
}
