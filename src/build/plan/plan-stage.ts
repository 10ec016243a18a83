import { unreachable } from '#base/unreachable.ts';
import { EngineError } from '#base/errors.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Platform } from '#oci/platform.ts';
import { baseImagesOf } from './needed-stages.ts';
import type { FileSource, Vertex } from '../definition/vertex.ts';
import {
  changeConfig,
  type ConfigInstruction,
  environmentOf,
  workingDirectoryOf,
} from '#dockerfile/change-config.ts';
import type {
  AddInstruction,
  CopyInstruction,
  RunInstruction,
  StageInstruction,
  WorkdirInstruction,
} from '#dockerfile/ast.ts';
import { parseTrigger } from '#dockerfile/dockerfile.ts';
import { withPlace } from '#dockerfile/dockerfile-error.ts';
import { expandInstruction } from '#dockerfile/expand-instruction.ts';
import type { DeclaredArg, StageScope } from '#dockerfile/stages/scopes.ts';
import type { ResolvedStage, StageSource } from '#dockerfile/stages/stages.ts';
import type { Operation, PlannedImage, PlannedStep } from './plan.ts';
import type { PlannedFile } from './plan-dockerfile.ts';
import { planFiles } from './plan-files.ts';
import { planRun } from './plan-run.ts';
import { withPath } from './default-path.ts';
import { baseTitle, stepTitle } from './step-titles.ts';

/** Plans one stage, instruction by instruction. */
export class StagePlanner {
  readonly #planned: PlannedFile;
  readonly #resolved: ResolvedStage;
  readonly #stages: ReadonlyMap<number, StagePlanner>;
  readonly #scope: StageScope;
  readonly #platform: Platform;
  #image: PlannedImage;
  #isCommandSet = false;

  /** @param stages those planned before */
  constructor(planned: PlannedFile, resolved: ResolvedStage, stages: ReadonlyMap<number, StagePlanner>) {
    this.#planned = planned;
    this.#resolved = resolved;
    this.#stages = stages;
    const below = resolved.base.kind === 'stage' ? stages.get(resolved.base.index) : undefined;
    this.#platform = below ? below.#platform : (resolved.platform ?? planned.scope.targetPlatform);
    this.#image = below ? below.image : onPath(this.#baseImage(resolved.base, this.#platform));
    this.#scope = below
      ? below.#scope.derive(environmentOf(this.#image.config))
      : planned.scope.newScope(environmentOf(this.#image.config));
  }

  /** The image, as far as it is planned. */
  get image(): PlannedImage {
    return this.#image;
  }

  get name(): string {
    return this.#resolved.displayName;
  }

  /** The value of an ARG that is for the builder, after all instructions; undefined where it has none. */
  builderArg(name: string): string | undefined {
    return this.#scope.lastDeclared(name);
  }

  plan(): readonly PlannedStep[] {
    const { from } = this.#resolved.stage;
    const instructions = this.#isReplaced ? [] : this.#resolved.stage.instructions;
    const base = {
      text: from.original,
      isBase: true,
      stage: this.#resolved,
      range: from.range,
      image: this.#image,
    };
    const steps: PlannedStep[] = [{ ...base, ...baseTitle(this.#resolved, this.#planned.sources.names) }];
    const { OnBuild = [], ...config } = this.#image.config;
    this.#image = { ...this.#image, config };
    const place = { range: from.range, source: this.#planned.file.dockerfile.source };
    if (!this.#isReplaced)
      for (const expression of OnBuild) steps.push(this.#step(parseTrigger(expression, place)));
    for (const instruction of instructions) steps.push(this.#step(instruction));
    return steps;
  }

  /** By a named context, whose files or image are all that there is of it. */
  get #isReplaced(): boolean {
    const { stageName } = this.#resolved.stage.from;
    return stageName !== undefined && this.#planned.sources.names.has(stageName);
  }

  #step(instruction: StageInstruction): PlannedStep {
    const { escape, source } = this.#planned.file.dockerfile;
    const scope = { variables: this.#scope.variables, escape, source };
    const expanded = expandInstruction(instruction, scope).instruction;
    const title = stepTitle(instruction, scope);
    const vertex = withPlace({ range: instruction.range, source }, () => this.#apply(expanded));
    const { original: text, range } = instruction;
    const common = { text, isBase: false, stage: this.#resolved, range, image: this.#image };
    return { ...common, ...(vertex && { title, vertex }) };
  }

  #apply(instruction: StageInstruction): Operation | undefined {
    switch (instruction.kind) {
      case 'run':
        return this.#run(instruction);
      case 'copy':
      case 'add':
        return this.#files(instruction);
      case 'workdir':
        return this.#workdir(instruction);
      case 'arg':
        return this.#record(argText(this.#scope.declare(instruction).args));
      case 'maintainer':
        this.#image = { ...this.#image, author: instruction.maintainer };
        return this.#record(`MAINTAINER ${instruction.maintainer}`);
      case 'cmd':
        this.#change(instruction);
        this.#isCommandSet = true;
        return undefined;
      case 'env':
        this.#change(instruction);
        this.#scope.set(instruction);
        return undefined;
      case 'entrypoint':
      case 'expose':
      case 'healthcheck':
      case 'label':
      case 'onbuild':
      case 'shell':
      case 'stopsignal':
      case 'user':
      case 'volume':
        return this.#change(instruction);
      default:
        return unreachable(instruction);
    }
  }

  #change(instruction: ConfigInstruction): undefined {
    const { config, createdBy } = changeConfig(this.#image.config, instruction, this.#isCommandSet);
    this.#image = { ...this.#image, config };
    return this.#record(createdBy);
  }

  #run(instruction: RunInstruction): Operation {
    const { file, scope, allowed } = this.#planned;
    const { vertex, createdBy } = planRun(instruction, {
      image: this.#image,
      scope: this.#scope,
      platform: this.#platform,
      buildArgs: scope.buildArgs,
      escape: file.dockerfile.escape,
      allowed,
      sourceOf: (from) => (from === undefined ? this.#planned.sources.context.files : this.#filesOf(from)),
    });
    return this.#record(createdBy, vertex);
  }

  #files(instruction: CopyInstruction | AddInstruction): Operation {
    const from = instruction.kind === 'copy' ? instruction.from : undefined;
    const vertex = planFiles(instruction, {
      parent: this.#image.vertex,
      workingDirectory: workingDirectoryOf(this.#image.config),
      context: this.#planned.sources.context,
      source: from === undefined ? this.#planned.sources.context.files : this.#filesOf(from),
    });
    return this.#record(filesText(instruction), vertex);
  }

  #workdir(instruction: WorkdirInstruction): Operation {
    const path = workingDirectoryOf(this.#image.config, instruction.path);
    const { vertex: parent, config } = this.#image;
    const { User: owner = '' } = config;
    this.#image = { ...this.#image, config: { ...config, WorkingDir: path } };
    return this.#record(`WORKDIR ${path}`, {
      kind: 'copy',
      parent,
      files: [],
      destination: `${path}/`,
      ...(owner !== '' && { owner }),
    });
  }

  /** @throws {EngineError} `invalid` for a stage that comes later */
  #filesOf(from: string): FileSource {
    const source = this.#planned.file.graph.resolve(from);
    if (source.kind === 'stage') {
      const stage = this.#stages.get(source.index);
      if (stage && stage !== this) return stage.image.vertex;
      throw new EngineError(
        'invalid',
        `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(this.#resolved.displayName)}`,
      );
    }
    const named = source.kind === 'external' ? this.#planned.sources.names.get(source.name) : undefined;
    if (named?.kind === 'files') return named.source;
    return this.#baseImage(source, this.#planned.scope.targetPlatform).vertex;
  }

  #record(createdBy: string): undefined;
  #record(createdBy: string, vertex: Operation): Operation;
  #record(createdBy: string, vertex?: Operation): Operation | undefined {
    const history = [...this.#image.history, { createdBy, ...(vertex && { vertex }) }];
    this.#image = { ...this.#image, history, ...(vertex && { vertex }) };
    return vertex;
  }

  #baseImage(source: StageSource, platform: Platform): PlannedImage {
    const { bases, names } = this.#planned.sources;
    const [record] = baseImagesOf(source, platform, names).map((image) => bases.get(image));
    if (!record) return this.#withoutImage(source, platform);
    const { config, author, ...base } = record.config;
    return {
      base,
      vertex: { kind: 'base', layers: record.layers },
      config,
      ...(author !== undefined && { author }),
      history: [],
    };
  }

  /** An empty file system, or the files of a named context. */
  #withoutImage(source: StageSource, platform: Platform): PlannedImage {
    const { architecture, os, variant } = platform;
    const base = { architecture, os, ...(variant !== undefined && { variant }), history: [] };
    const image = { base, vertex: SCRATCH, config: SCRATCH_CONFIG, history: [] };
    const named = source.kind === 'external' ? this.#planned.sources.names.get(source.name) : undefined;
    if (named?.kind !== 'files') return image;
    const files = [{ source: named.source, paths: ['/'] }];
    return { ...image, vertex: { kind: 'copy', parent: SCRATCH, files, destination: '/' } };
  }
}

const SCRATCH: Vertex = { kind: 'base', layers: [] };
const SCRATCH_CONFIG: ImageDefaults = { WorkingDir: '/' };

function onPath(image: PlannedImage): PlannedImage {
  return { ...image, config: withPath(image.config) };
}

/** The line of the history, with the values that are in force. */
function argText(args: readonly DeclaredArg[]): string {
  return ['ARG', ...args.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))].join(
    ' ',
  );
}

/** The line of the history, in BuildKit's form. */
function filesText(instruction: CopyInstruction | AddInstruction): string {
  const { kind, chown = '', chmod = '', sources, inlineFiles, destination } = instruction;
  const options = [
    ...(kind === 'copy' && instruction.parents ? ['--parents'] : []),
    ...(chown === '' ? [] : [`--chown=${chown}`]),
    ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
  ];
  const names = [...sources, ...inlineFiles.map(({ name }) => `<<${name}`), destination];
  return [kind.toUpperCase(), ...options, ...names, '# buildkit'].join(' ');
}
