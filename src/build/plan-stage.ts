import type { HostConfig } from '#wire/container.ts';
import type { Vertex } from './build.ts';
import { changeConfig, shellOf, workingDirectoryOf } from './config-instructions.ts';
import type {
  AddInstruction,
  CopyInstruction,
  RunInstruction,
  StageInstruction,
  WorkdirInstruction,
} from './dockerfile/ast.ts';
import { parseTrigger } from './dockerfile/dockerfile.ts';
import { withPlace } from './dockerfile/dockerfile-error.ts';
import { expandInstruction } from './dockerfile/expand-instruction.ts';
import { runScript } from './dockerfile/run-script.ts';
import { proxyVariables, type StageScope } from './dockerfile/scopes.ts';
import type { ResolvedStage, StageSource } from './dockerfile/stages.ts';
import { notYet } from './not-yet.ts';
import type { Operation, PlannedImage, PlannedStep } from './plan.ts';
import type { PlanParts } from './plan-dockerfile.ts';
import { planFiles } from './plan-files.ts';
import { baseTitle, stepTitle } from './step-titles.ts';

/** Plans one stage, instruction by instruction. */
export class StagePlanner {
  readonly #parts: PlanParts;
  readonly #resolved: ResolvedStage;
  readonly #stages: ReadonlyMap<number, StagePlanner>;
  readonly #scope: StageScope;
  #image: PlannedImage;
  #isCommandSet = false;

  /** @param stages those planned before */
  constructor(parts: PlanParts, resolved: ResolvedStage, stages: ReadonlyMap<number, StagePlanner>) {
    this.#parts = parts;
    this.#resolved = resolved;
    this.#stages = stages;
    const below = resolved.base.kind === 'stage' ? stages.get(resolved.base.index) : undefined;
    this.#image = below ? below.image : this.#baseImage(resolved.base);
    this.#scope = below ? below.#scope.derive() : parts.newScope(environmentOf(this.#image));
  }

  /** As far as it is planned. */
  get image(): PlannedImage {
    return this.#image;
  }

  plan(): readonly PlannedStep[] {
    const { from, instructions } = this.#resolved.stage;
    const base = {
      text: from.original,
      isBase: true,
      stage: this.#resolved,
      range: from.range,
      image: this.#image,
    };
    const steps: PlannedStep[] = [{ ...base, ...baseTitle(this.#resolved) }];
    const { OnBuild = [], ...config } = this.#image.config;
    this.#image = { ...this.#image, config };
    for (const expression of OnBuild) steps.push(this.#step(parseTrigger(expression)));
    for (const instruction of instructions) steps.push(this.#step(instruction));
    return steps;
  }

  #step(instruction: StageInstruction): PlannedStep {
    const { escape, source } = this.#parts.dockerfile;
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
        this.#scope.declare(instruction);
        return this.#record(instruction.original);
      case 'maintainer':
        this.#image = { ...this.#image, author: instruction.maintainer };
        return this.#record(`MAINTAINER ${instruction.maintainer}`);
      default: {
        const { config, createdBy } = changeConfig(this.#image.config, instruction, this.#isCommandSet);
        if (instruction.kind === 'cmd') this.#isCommandSet = true;
        if (instruction.kind === 'env') this.#scope.set(instruction);
        this.#image = { ...this.#image, config };
        return this.#record(createdBy);
      }
    }
  }

  #run(instruction: RunInstruction): Operation {
    const { mounts, security, network, command, range } = instruction;
    if (mounts.length > 0) throw notYet('RUN --mount', range);
    if (security === 'insecure') throw notYet('RUN --security=insecure', range);
    const { argv, script } = runScript(command, shellOf(this.#image.config));
    if (script) throw notYet('a heredoc with its own interpreter', range);
    const { variables } = this.#scope;
    const proxies = [...proxyVariables(this.#parts.buildArgs)].filter(([name]) => !variables.has(name));
    return this.#record(`RUN ${this.#scope.historyPrefix()}${argv.join(' ')} # buildkit`, {
      kind: 'exec',
      parent: this.#image.vertex,
      argv,
      env: [...variables].map(pairText),
      proxies: proxies.map(pairText),
      workingDirectory: workingDirectoryOf(this.#image.config),
      user: this.#image.config.User ?? '',
      hostConfig: withNetwork(this.#parts.hostConfig, network),
    });
  }

  #files(instruction: CopyInstruction | AddInstruction): Operation {
    const source =
      instruction.kind === 'copy' && instruction.from !== undefined ? instruction.from : undefined;
    const vertex = planFiles(instruction, {
      parent: this.#image.vertex,
      workingDirectory: workingDirectoryOf(this.#image.config),
      context: this.#parts.context,
      source: source === undefined ? this.#parts.context.files : this.#vertexOf(source, instruction),
    });
    const { sources, inlineFiles, destination } = instruction;
    const names = [...sources, ...inlineFiles.map(({ name }) => name), destination].join(' ');
    return this.#record(`${instruction.kind.toUpperCase()} ${names} # buildkit`, vertex);
  }

  #workdir(instruction: WorkdirInstruction): Operation {
    const path = workingDirectoryOf(this.#image.config, instruction.path);
    const { vertex: parent, config } = this.#image;
    this.#image = { ...this.#image, config: { ...config, WorkingDir: path } };
    return this.#record(`WORKDIR ${path}`, { kind: 'copy', parent, destination: `${path}/` });
  }

  #vertexOf(from: string, { range }: StageInstruction): Vertex {
    const source = this.#parts.graph.resolve(from);
    if (source.kind === 'stage') {
      const stage = this.#stages.get(source.index);
      if (!stage) throw notYet('copying from a stage in an ONBUILD trigger', range);
      return stage.image.vertex;
    }
    if (source.kind === 'external' && !this.#parts.bases.has(source.name))
      throw notYet('copying from an image in an ONBUILD trigger', range);
    return this.#baseImage(source).vertex;
  }

  #record(createdBy: string): undefined;
  #record(createdBy: string, vertex: Operation): Operation;
  #record(createdBy: string, vertex?: Operation): Operation | undefined {
    const history = [...this.#image.history, { createdBy, ...(vertex && { vertex }) }];
    this.#image = { ...this.#image, history, ...(vertex && { vertex }) };
    return vertex;
  }

  #baseImage(source: StageSource): PlannedImage {
    const record = source.kind === 'external' ? this.#parts.bases.get(source.name) : undefined;
    if (!record) {
      const { architecture, os } = this.#parts.targetPlatform;
      const base = { architecture, os, history: [] };
      return { base, vertex: { kind: 'base', layers: [] }, config: {}, history: [] };
    }
    const { config, author, ...base } = record.config;
    return {
      base,
      vertex: { kind: 'base', layers: record.layers },
      config,
      ...(author !== undefined && { author }),
      history: [],
    };
  }
}

function environmentOf({ config }: PlannedImage): readonly (readonly [string, string])[] {
  return (config.Env ?? []).map((entry) => {
    const [name = ''] = entry.split('=', 1);
    return [name, entry.slice(name.length + 1)];
  });
}

function pairText([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}

function withNetwork(hostConfig: HostConfig, network: RunInstruction['network']): HostConfig {
  return network === 'default' ? hostConfig : { ...hostConfig, NetworkMode: network };
}
