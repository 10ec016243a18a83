import { EngineError } from '#base/errors.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Platform } from '#oci/platform.ts';
import type { HostConfig } from '#wire/container.ts';
import { baseImagesOf } from './base-images.ts';
import type { FileSource, Vertex } from './build.ts';
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
import { expand } from './dockerfile/expand.ts';
import { expandInstruction } from './dockerfile/expand-instruction.ts';
import { parseMountOptions } from './dockerfile/mount-options.ts';
import { runScript } from './dockerfile/run-script.ts';
import { formatPlatform, proxyVariables, type StageScope } from './dockerfile/scopes.ts';
import type { ResolvedStage, StageSource } from './dockerfile/stages.ts';
import { runsNatively } from './emulation.ts';
import type { ExecMount } from './exec-mount.ts';
import type { Operation, PlannedImage, PlannedStep } from './plan.ts';
import type { PlanParts } from './plan-dockerfile.ts';
import { planFiles } from './plan-files.ts';
import { planMounts } from './plan-mounts.ts';
import { baseTitle, stepTitle } from './step-titles.ts';

/** Plans one stage, instruction by instruction. */
export class StagePlanner {
  readonly #parts: PlanParts;
  readonly #resolved: ResolvedStage;
  readonly #stages: ReadonlyMap<number, StagePlanner>;
  readonly #scope: StageScope;
  readonly #platform: Platform;
  #image: PlannedImage;
  #isCommandSet = false;

  /** @param stages those planned before */
  constructor(parts: PlanParts, resolved: ResolvedStage, stages: ReadonlyMap<number, StagePlanner>) {
    this.#parts = parts;
    this.#resolved = resolved;
    this.#stages = stages;
    const below = resolved.base.kind === 'stage' ? stages.get(resolved.base.index) : undefined;
    this.#platform = below ? below.#platform : (resolved.platform ?? parts.targetPlatform);
    this.#image = below ? below.image : withPath(this.#baseImage(resolved.base, this.#platform));
    this.#scope = below ? below.#scope.derive() : parts.newScope(environmentOf(this.#image));
  }

  /** As far as it is planned. */
  get image(): PlannedImage {
    return this.#image;
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
    const steps: PlannedStep[] = [{ ...base, ...baseTitle(this.#resolved) }];
    const { OnBuild = [], ...config } = this.#image.config;
    this.#image = { ...this.#image, config };
    if (!this.#isReplaced) for (const expression of OnBuild) steps.push(this.#step(parseTrigger(expression)));
    for (const instruction of instructions) steps.push(this.#step(instruction));
    return steps;
  }

  /** By a named context, whose files or image are all that there is of it. */
  get #isReplaced(): boolean {
    const { stageName } = this.#resolved.stage.from;
    return stageName !== undefined && this.#parts.names.has(stageName);
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
    const { command } = instruction;
    const { argv, script } = runScript(command, shellOf(this.#image.config));
    const { variables } = this.#scope;
    const proxies = [...proxyVariables(this.#parts.buildArgs)].filter(([name]) => !variables.has(name));
    const mounts = [...this.#mounts(instruction), ...(script ? [scriptMount(script)] : [])];
    return this.#record(`RUN ${this.#scope.historyPrefix()}${argv.join(' ')} # buildkit`, {
      kind: 'exec',
      parent: this.#image.vertex,
      argv,
      env: [...variables].map(pairText),
      proxies: proxies.map(pairText),
      workingDirectory: workingDirectoryOf(this.#image.config),
      user: this.#image.config.User ?? '',
      hostConfig: this.#hostConfigFor(instruction),
      ...(mounts.length > 0 && { mounts }),
      ...(!runsNatively(this.#platform) && { platform: formatPlatform(this.#platform) }),
    });
  }

  #mounts({ mounts }: RunInstruction): readonly ExecMount[] {
    const { escape } = this.#parts.dockerfile;
    const expandValue = (value: string) => expand(value, this.#scope.variables, { escape }).text;
    return planMounts(
      mounts.map((text) => parseMountOptions(text, expandValue)),
      {
        workingDirectory: workingDirectoryOf(this.#image.config),
        sourceOf: (from) => (from === undefined ? this.#parts.context.files : this.#filesOf(from)),
      },
    );
  }

  /** @throws {EngineError} `invalid` for what the client does not allow */
  #hostConfigFor({ network, security }: RunInstruction): HostConfig {
    const { hostConfig, entitlements } = this.#parts;
    const isHostAllowed = hostConfig.NetworkMode === 'host' || entitlements.includes('network.host');
    if (network === 'host' && !isHostAllowed) throw notAllowed('network.host', '--network=host');
    if (security === 'insecure' && !entitlements.includes('security.insecure'))
      throw notAllowed('security.insecure', '--security=insecure');
    return {
      ...hostConfig,
      ...(network !== 'default' && { NetworkMode: network }),
      ...(security === 'insecure' && { Privileged: true }),
    };
  }

  #files(instruction: CopyInstruction | AddInstruction): Operation {
    const from = instruction.kind === 'copy' ? instruction.from : undefined;
    const vertex = planFiles(instruction, {
      parent: this.#image.vertex,
      workingDirectory: workingDirectoryOf(this.#image.config),
      context: this.#parts.context,
      source: from === undefined ? this.#parts.context.files : this.#filesOf(from),
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
    const source = this.#parts.graph.resolve(from);
    if (source.kind === 'stage') {
      const stage = this.#stages.get(source.index);
      if (stage && stage !== this) return stage.image.vertex;
      throw new EngineError(
        'invalid',
        `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(this.#resolved.displayName)}`,
      );
    }
    const named = source.kind === 'external' ? this.#parts.names.get(source.name) : undefined;
    if (named?.kind === 'files') return named.source;
    return this.#baseImage(source, this.#parts.targetPlatform).vertex;
  }

  #record(createdBy: string): undefined;
  #record(createdBy: string, vertex: Operation): Operation;
  #record(createdBy: string, vertex?: Operation): Operation | undefined {
    const history = [...this.#image.history, { createdBy, ...(vertex && { vertex }) }];
    this.#image = { ...this.#image, history, ...(vertex && { vertex }) };
    return vertex;
  }

  #baseImage(source: StageSource, platform: Platform): PlannedImage {
    const { bases, names } = this.#parts;
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

  /** Nothing, or the files of a named context. */
  #withoutImage(source: StageSource, platform: Platform): PlannedImage {
    const { architecture, os, variant } = platform;
    const base = { architecture, os, ...(variant !== undefined && { variant }), history: [] };
    const image = { base, vertex: SCRATCH, config: SCRATCH_CONFIG, history: [] };
    const named = source.kind === 'external' ? this.#parts.names.get(source.name) : undefined;
    if (named?.kind !== 'files') return image;
    const files = [{ source: named.source, paths: ['/'] }];
    return { ...image, vertex: { kind: 'copy', parent: SCRATCH, files, destination: '/' } };
  }
}

const SCRATCH: Vertex = { kind: 'base', layers: [] };
const SCRATCH_CONFIG: ImageDefaults = { WorkingDir: '/' };
/** BuildKit's, where an image says nothing. */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function withPath(image: PlannedImage): PlannedImage {
  const { Env = [] } = image.config;
  if (Env.some((entry) => entry.startsWith('PATH='))) return image;
  return { ...image, config: { ...image.config, Env: [...Env, DEFAULT_PATH] } };
}
/** For the history: BuildKit's form. */
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

function scriptMount({ path, content }: { readonly path: string; readonly content: string }): ExecMount {
  return { kind: 'script', target: path, content };
}

function notAllowed(entitlement: string, option: string): EngineError {
  return new EngineError(
    'invalid',
    `${entitlement} is not allowed: RUN ${option} needs the entitlement ${entitlement} (--allow ${entitlement})`,
  );
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
