import { parsePlatform } from '#oci/platform.ts';
import { type Flag, listFlag, stringFlag } from './flag.ts';

/** Which of the platforms of an image. */
export const platformFlag: Flag<string> = stringFlag(
  'The platform of the image: OS[/ARCHITECTURE[/VARIANT]]',
);

/** Which of the platforms of images, as many as are wanted. */
export const platformsFlag: Flag<readonly string[]> = listFlag(
  'One of the platforms of the image: OS[/ARCHITECTURE[/VARIANT]]',
);

/** As the API takes them. @throws {EngineError} `invalid` */
export function platformTexts(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(',')).map((text) => JSON.stringify(parsePlatform(text)));
}

/** The platform to fetch or make, which the environment may choose for all commands. */
export const defaultPlatformFlag: Flag<string> = stringFlag(
  'Set platform if server is multi-platform capable',
  { variable: 'DOCKER_DEFAULT_PLATFORM' },
);

/** As the API takes it. @throws {EngineError} `invalid` */
export function platformQuery(text: string): { readonly platform?: string } {
  return text === '' ? {} : { platform: JSON.stringify(parsePlatform(text)) };
}
