import { parsePlatform } from '#oci/platform.ts';
import { type Flag, stringFlag } from './flag.ts';

/** Which of the platforms of an image. */
export const platformFlag: Flag<string> = stringFlag(
  'The platform of the image: OS[/ARCHITECTURE[/VARIANT]]',
);

/** As the API takes it. @throws {EngineError} `invalid` */
export function platformQuery(text: string): { readonly platform?: string } {
  return text === '' ? {} : { platform: JSON.stringify(parsePlatform(text)) };
}
