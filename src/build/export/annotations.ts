/** Annotations of manifests and indexes, from the attributes of an output. */
import { matchesPlatform, parsePlatform, type Platform } from '#oci/platform.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import type { OutputAttributes } from './attributes.ts';

/** Where an annotation goes: into a document, or into the descriptor that names it. */
export type AnnotationPlace = 'manifest' | 'manifest-descriptor' | 'index' | 'index-descriptor';

interface Annotation {
  readonly place: AnnotationPlace;
  /** Absent: every platform's. */
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

/** `annotation.KEY`, `annotation-index.KEY`, `annotation-manifest[linux/amd64].KEY`, … */
const NAME = /^annotation(?:-(?<place>[a-z-]+))?(?:\[(?<platform>[A-Za-z0-9_/.-]+)\])?\.(?<key>\S+)$/;

const PLACES: readonly AnnotationPlace[] = ['manifest', 'manifest-descriptor', 'index', 'index-descriptor'];

export class Annotations {
  readonly #all: readonly Annotation[];

  constructor(all: readonly Annotation[]) {
    this.#all = all;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** True for annotations that a plain manifest cannot have. */
  get needsIndex(): boolean {
    return this.#all.some(({ place }) => place.startsWith('index'));
  }

  /** A platform that annotations name and no image is for. */
  strange(platforms: readonly Platform[]): string | undefined {
    const found = this.#all.find(
      ({ platform }) => platform && !platforms.some((each) => matchesPlatform(each, platform)),
    );
    return found?.platform && formatPlatform(found.platform);
  }

  /** Undefined where there are none. */
  of(place: AnnotationPlace, platform?: Platform): Readonly<Record<string, string>> | undefined {
    const here = this.#all.filter(
      (each) =>
        each.place === place &&
        (!each.platform || (platform !== undefined && matchesPlatform(platform, each.platform))),
    );
    if (here.length === 0) return undefined;
    return Object.fromEntries(here.map(({ key, value }) => [key, value]));
  }
}

/** @throws {EngineError} `invalid` for places that there are not */
export function parseAnnotations(attributes: OutputAttributes): Annotations {
  const all = attributes.entries().flatMap(([name, value]): readonly Annotation[] => {
    const groups = NAME.exec(name)?.groups;
    const { key } = groups ?? {};
    if (!groups || key === undefined) return [];
    const { place: word = 'manifest', platform } = groups;
    const place = PLACES.find((known) => known === word);
    if (!place) throw attributes.refusal(name, value, `${word} is not where annotations can be`);
    return [{ place, key, value, ...(platform !== undefined && { platform: parsePlatform(platform) }) }];
  });
  return new Annotations(all);
}
