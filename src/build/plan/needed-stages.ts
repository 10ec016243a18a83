/** Which stages a result needs and which images they begin with: what triggers in those images add is part of it. */
import type { ImageRecord } from '#image/image-record.ts';
import type { Platform } from '#oci/platform.ts';
import { type BaseImage, keyOf } from '../bases/base-image.ts';
import type { ContextNames } from './context-names.ts';
import { parseTrigger } from '#dockerfile/dockerfile.ts';
import { withPlace } from '#dockerfile/dockerfile-error.ts';
import { sourcesOf } from '#dockerfile/stages/stages.ts';
import type { ResolvedStage, StageGraph, StageSource } from '#dockerfile/stages/stages.ts';

/** The images that were asked for. */
export interface ResolvedBases {
  get(image: BaseImage): ImageRecord | undefined;
}

interface StageParts {
  readonly graph: StageGraph;
  readonly names: ContextNames;
  readonly targetPlatform: Platform;
}

interface ResolvedStages {
  /** Each after what it needs; the last is the target. */
  readonly stages: readonly ResolvedStage[];
  readonly bases: ResolvedBases;
}

export async function resolveStages(
  parts: StageParts,
  resolve: (image: BaseImage) => Promise<ImageRecord>,
): Promise<ResolvedStages> {
  const resolver = new StageResolver(parts, resolve);
  const { graph } = parts;
  for (const index of graph.needed) resolver.need(index);
  return await resolver.resolve();
}

class StageResolver {
  readonly #parts: StageParts;
  readonly #ask: (image: BaseImage) => Promise<ImageRecord>;
  readonly #needed = new Set<number>();
  readonly #records = new Map<string, ImageRecord>();

  constructor(parts: StageParts, ask: (image: BaseImage) => Promise<ImageRecord>) {
    this.#parts = parts;
    this.#ask = ask;
  }

  /** Adds the stage and all that it needs itself. */
  need(index: number): void {
    const stage = this.#parts.graph.stages[index];
    if (this.#needed.has(index) || !stage) return;
    this.#needed.add(index);
    for (const source of [stage.base, ...stage.dependencies.map((dependency) => dependency.source)])
      if (source.kind === 'stage') this.need(source.index);
  }

  async resolve(): Promise<ResolvedStages> {
    for (;;) {
      const missing = new Map(this.#images().map((image) => [keyOf(image), image]));
      for (const key of this.#records.keys()) missing.delete(key);
      await Promise.all(
        [...missing].map(async ([key, image]) => this.#records.set(key, await this.#ask(image))),
      );
      const before = this.#needed.size;
      for (const source of this.#triggered()) if (source.kind === 'stage') this.need(source.index);
      if (missing.size === 0 && this.#needed.size === before) break;
    }
    const bases = { get: (image: BaseImage) => this.#records.get(keyOf(image)) };
    return { stages: this.#stages(), bases };
  }

  /** A stage reads from those above it only. */
  #stages(): readonly ResolvedStage[] {
    const { stages } = this.#parts.graph;
    return [...this.#needed].toSorted((a, b) => a - b).flatMap((index) => stages[index] ?? []);
  }

  #images(): readonly BaseImage[] {
    const { targetPlatform } = this.#parts;
    const fromStages = this.#stages().flatMap(({ base, platform = targetPlatform, dependencies }) => [
      ...this.#imageOf(base, platform),
      ...dependencies.flatMap(({ source }) => this.#imageOf(source, targetPlatform)),
    ]);
    return [...fromStages, ...this.#triggered().flatMap((source) => this.#imageOf(source, targetPlatform))];
  }

  #imageOf(source: StageSource, platform: Platform): readonly BaseImage[] {
    return baseImagesOf(source, platform, this.#parts.names);
  }

  /** What the triggers of the bases read from. */
  #triggered(): readonly StageSource[] {
    const { graph } = this.#parts;
    return this.#stages().flatMap((resolved) => {
      const { range } = resolved.stage.from;
      const place = { range, source: graph.source };
      return withPlace(place, () =>
        this.#triggersOf(resolved).flatMap((expression) =>
          sourcesOf(parseTrigger(expression, place), graph.stages.length).map(graph.resolve),
        ),
      );
    });
  }

  #triggersOf({ base, platform = this.#parts.targetPlatform }: ResolvedStage): readonly string[] {
    const { graph, names } = this.#parts;
    const below = base.kind === 'stage' ? (graph.stages[base.index]?.stage.instructions ?? []) : [];
    const ofStage = below.flatMap((one) => (one.kind === 'onbuild' ? [one.expression] : []));
    const ofImages = baseImagesOf(base, platform, names).flatMap(
      (image) => this.#records.get(keyOf(image))?.config.config.OnBuild ?? [],
    );
    return [...ofStage, ...ofImages];
  }
}

/** The images behind a source; empty for a source that is no image. */
export function baseImagesOf(
  source: StageSource,
  platform: Platform,
  names: ContextNames,
): readonly BaseImage[] {
  if (source.kind !== 'external') return [];
  const named = names.get(source.name);
  if (named?.kind === 'files' || named?.reference === 'scratch') return [];
  return [{ name: named?.reference ?? source.name, platform }];
}
