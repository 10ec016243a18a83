/** Which stage builds on, copies from or mounts which: resolved names, the target, what it needs, and no cycles. */
import { EngineError } from '#base/errors.ts';
import { type Platform, parsePlatform } from '#oci/platform.ts';
import type { Dockerfile, FromInstruction, Range, SourceFile, Stage, StageInstruction } from '../ast.ts';
import { invalid, withPlace } from '../dockerfile-error.ts';
import { expand } from '../words/expand.ts';
import { mountSource } from '../instructions/mount-options.ts';
import { checkCycles, checkOrder, neededBy } from './stage-walk.ts';
import { suggestionSuffix } from '../suggest.ts';

export type StageSource =
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'scratch' }
  /** A named context or an image, whichever the build has. */
  | { readonly kind: 'external'; readonly name: string };

interface StageDependency {
  /** As written. */
  readonly from: string;
  readonly source: StageSource;
  /** The instruction that asks for it. */
  readonly range: Range;
}

export interface ResolvedStage {
  readonly stage: Stage;
  /** Its AS name, or `stage-0`; empty where it is the only one. */
  readonly displayName: string;
  readonly base: StageSource;
  /** The platform of `FROM --platform`; undefined: the target's. */
  readonly platform: Platform | undefined;
  /** What it copies from and mounts, in order of appearance; the base is not among them. */
  readonly dependencies: readonly StageDependency[];
}

export interface StageGraph {
  readonly source: SourceFile;
  readonly stages: readonly ResolvedStage[];
  readonly target: number;
  /** The target and all it needs; each comes after what it needs. Other stages need not be built. */
  readonly needed: readonly number[];
  /** The stage, context or image a `--from` means; later steps (ONBUILD triggers) may ask for more. */
  readonly resolve: (from: string) => StageSource;
}

export interface StageGraphOptions {
  /** `--target`: a stage's name, in any case, or its number. Undefined: the last stage. */
  readonly target?: string;
  /** The variables FROM sees. */
  readonly globals: ReadonlyMap<string, string>;
  /** Named contexts (`--build-context`): a stage of such a name is replaced by it. Names in lower case. */
  readonly contexts?: { readonly has: (name: string) => boolean };
}

/** @throws {DockerfileError} for a blank base, an unknown target, a bad platform, a cycle */
export function buildStageGraph(dockerfile: Dockerfile, options: StageGraphOptions): StageGraph {
  return new GraphBuilder(dockerfile, options).build();
}

class GraphBuilder {
  readonly #dockerfile: Dockerfile;
  readonly #options: StageGraphOptions;
  /** As far as the file has been read: FROM sees earlier stages only. */
  readonly #byName = new Map<string, number>();

  constructor(dockerfile: Dockerfile, options: StageGraphOptions) {
    this.#dockerfile = dockerfile;
    this.#options = options;
  }

  build(): StageGraph {
    const heads = this.#dockerfile.stages.map((stage) => this.#head(stage));
    const target = this.#target();
    const stages = heads.map((head) => ({ ...head, dependencies: this.#dependencies(head.stage) }));
    checkCycles(stages, this.#dockerfile);
    const needed = neededBy(target, stages);
    checkOrder(needed, stages, this.#dockerfile);
    const { source } = this.#dockerfile;
    return { source, stages, target, needed, resolve: (from) => this.#resolve(from) };
  }

  #head(stage: Stage): Omit<ResolvedStage, 'dependencies'> {
    const { range, stageName } = stage.from;
    return withPlace({ range, source: this.#dockerfile.source }, () => {
      const head = {
        stage,
        displayName: this.#displayName(stage),
        base: this.#base(stage.from),
        platform: this.#platform(stage.from),
      };
      if (stageName !== undefined) this.#byName.set(stageName, stage.index);
      return head;
    });
  }

  #displayName({ index, from }: Stage): string {
    if (this.#dockerfile.stages.length === 1) return '';
    return from.stageName ?? `stage-${index}`;
  }

  #isReplaced({ stageName }: FromInstruction): boolean {
    return stageName !== undefined && this.#options.contexts?.has(stageName) === true;
  }

  #base(from: FromInstruction): StageSource {
    if (from.stageName !== undefined && this.#isReplaced(from))
      return { kind: 'external', name: from.stageName };
    const name = this.#expand(from.base).text;
    if (name === '') throw invalid(`base name (${from.base}) should not be blank`);
    const index = this.#byName.get(name);
    if (index !== undefined) return { kind: 'stage', index };
    return name === 'scratch' ? { kind: 'scratch' } : { kind: 'external', name };
  }

  #platform({ platform }: FromInstruction): Platform | undefined {
    if (platform === undefined) return undefined;
    const { text, unmatched } = this.#expand(platform);
    const [missing = ''] = unmatched;
    const suffix = missing === '' ? '' : suggestionSuffix(missing, this.#options.globals.keys());
    if (text === '') throw invalid(`empty platform value from expression ${platform}${suffix}`);
    try {
      return parsePlatform(text);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw invalid(`failed to parse platform ${platform}: ${error.message}${suffix}`);
    }
  }

  #expand(text: string): ReturnType<typeof expand> {
    return expand(text, this.#options.globals, { escape: this.#dockerfile.escape });
  }

  #target(): number {
    const { target } = this.#options;
    if (target === undefined || target === '') return this.#dockerfile.stages.length - 1;
    const index = this.#byName.get(target.toLowerCase()) ?? this.#numbered(target);
    if (index !== undefined) return index;
    const suffix = suggestionSuffix(target, this.#byName.keys());
    throw invalid(`target stage ${JSON.stringify(target)} could not be found${suffix}`);
  }

  #dependencies(stage: Stage): readonly StageDependency[] {
    if (this.#isReplaced(stage.from)) return [];
    return stage.instructions.flatMap((instruction) =>
      withPlace({ range: instruction.range, source: this.#dockerfile.source }, () =>
        sourcesOf(instruction, this.#dockerfile.stages.length).map((from) => ({
          from,
          source: this.#resolve(from),
          range: instruction.range,
        })),
      ),
    );
  }

  /** No stage's name begins with a digit. */
  #numbered(text: string): number | undefined {
    return /^\d+$/.test(text) && Number(text) < this.#dockerfile.stages.length ? Number(text) : undefined;
  }

  #resolve(from: string): StageSource {
    const index = this.#numbered(from) ?? this.#byName.get(from.toLowerCase());
    if (index !== undefined) return { kind: 'stage', index };
    return from === 'scratch' ? { kind: 'scratch' } : { kind: 'external', name: from };
  }
}

/** The names an instruction reads from. @throws {EngineError} `invalid` for a variable, or an index no stage has */
export function sourcesOf(instruction: StageInstruction, stageCount: number): readonly string[] {
  if (instruction.kind === 'run') return instruction.mounts.flatMap((mount) => mountSource(mount) ?? []);
  if (instruction.kind !== 'copy' || instruction.from === undefined) return [];
  checkCopySource(instruction.from, stageCount);
  return [instruction.from];
}

/** @throws {EngineError} `invalid` for a variable, or an index no stage has */
function checkCopySource(from: string, stageCount: number): void {
  if (expand(from, new Map()).text !== from)
    throw invalid(
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
    );
  if (/^[+-]?\d+$/.test(from) && !(Number(from) >= 0 && Number(from) < stageCount))
    throw invalid(`invalid stage index ${Number(from)}`);
}
