/** The checks inside a stage, with its variables as they grow. */
import { unreachable } from '#base/unreachable.ts';
import { posix } from 'node:path';
import type {
  AddInstruction,
  CopyInstruction,
  Dockerfile,
  EnvInstruction,
  ExposeInstruction,
  FromInstruction,
  LabelInstruction,
  StageInstruction,
  WorkdirInstruction,
} from '../ast.ts';
import { expandInstruction } from '../expand-instruction.ts';
import type { IgnoreMatcher } from '#oci/ignore.ts';
import { platformText } from '#oci/platform.ts';
import type { LintContext, LintImage, Report } from './lint.ts';
import { RULES } from './lint-rules.ts';
import { StageScope } from '../stages/scopes.ts';
import type { ResolvedStage } from '../stages/stages.ts';
import { suggestion } from '../suggest.ts';

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;
/** Images without a PATH get one. */
const ALWAYS_SET: readonly (readonly [string, string])[] = [
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
];

const NO_IMAGE: LintImage = { environment: new Map() };

/** What a stage hands on to those built on it. */
interface StageState {
  readonly scope: StageScope;
  /** The image may define variables that are not known here. */
  readonly hasUnknownVariables: boolean;
  /** ONBUILD triggers: in images built on this one they may define variables. */
  hasTriggers: boolean;
  hasWorkdir: boolean;
  hasShell: boolean;
}

type Single = Extract<StageInstruction, { kind: 'cmd' | 'entrypoint' | 'healthcheck' }>;

export class StageLinter {
  readonly #dockerfile: Dockerfile;
  readonly #globals: ReadonlyMap<string, string>;
  readonly #context: LintContext;
  readonly #report: Report;
  readonly #states = new Map<number, StageState>();

  constructor(
    dockerfile: Dockerfile,
    globals: ReadonlyMap<string, string>,
    context: LintContext,
    report: Report,
  ) {
    this.#dockerfile = dockerfile;
    this.#globals = globals;
    this.#context = context;
    this.#report = report;
  }

  /** Stages in the order of the file. @throws {DockerfileError} if a text cannot be expanded */
  check(resolved: ResolvedStage): void {
    const { stage } = resolved;
    const state = this.#open(resolved);
    this.#states.set(stage.index, state);
    const last = new Map<Single['kind'], Single>();
    for (const instruction of stage.instructions) this.#instruction(instruction, state, last);
  }

  #open({ stage, base, platform }: ResolvedStage): StageState {
    const parent = base.kind === 'stage' ? this.#states.get(base.index) : undefined;
    if (parent !== undefined) {
      const hasUnknownVariables = parent.hasUnknownVariables || parent.hasTriggers;
      return { ...parent, scope: parent.scope.derive(), hasUnknownVariables, hasTriggers: false };
    }
    const image = base.kind === 'external' ? this.#context.imageOf?.(base, platform) : NO_IMAGE;
    if (base.kind === 'external' && image?.platforms) this.#platform(stage.from, base.name, image.platforms);
    const environment = new Map([...ALWAYS_SET, ...(image?.environment ?? [])]);
    const { buildArgs } = this.#context.scope;
    return {
      scope: new StageScope({ dockerfile: this.#dockerfile, globals: this.#globals, buildArgs }, environment),
      hasUnknownVariables: image === undefined || image.hasTriggers === true,
      hasTriggers: false,
      hasWorkdir: false,
      hasShell: false,
    };
  }

  #platform(from: FromInstruction, name: string, platforms: NonNullable<LintImage['platforms']>): void {
    const { actual, expected } = platforms;
    if (actual.os === expected.os && actual.architecture === expected.architecture) return;
    const [is, wanted] = [actual, expected].map((one) => JSON.stringify(platformText(one)));
    const message = `Base image ${name} was pulled with platform ${is}, expected ${wanted} for current build`;
    this.#report(RULES.invalidBaseImagePlatform, message, from.range, from.comments);
  }

  #instruction(written: StageInstruction, state: StageState, last: Map<Single['kind'], Single>): void {
    const { escape, source } = this.#dockerfile;
    const { instruction, unmatched } = expandInstruction(written, {
      variables: state.scope.variables,
      escape,
      source,
    });
    const missing = instruction.kind === 'arg' ? state.scope.declare(instruction).unmatched : unmatched;
    this.#undefined(instruction, missing, state);
    switch (instruction.kind) {
      case 'arg':
        for (const { name } of instruction.definitions) this.#secret('ARG', name, instruction);
        break;
      case 'env':
        this.#env(instruction, state);
        break;
      case 'label':
        this.#oldPairs(instruction);
        break;
      case 'maintainer':
        this.#warn(
          RULES.maintainerDeprecated,
          instruction,
          'Maintainer instruction is deprecated in favor of using label',
        );
        break;
      case 'workdir':
        this.#workdir(instruction, state);
        break;
      case 'shell':
        state.hasShell = true;
        break;
      case 'onbuild':
        state.hasTriggers = true;
        break;
      case 'expose':
        this.#expose(instruction);
        break;
      case 'add':
      case 'copy':
        this.#files(instruction);
        break;
      case 'cmd':
      case 'entrypoint':
      case 'healthcheck':
        this.#single(instruction, state, last);
        break;
      case 'run':
      case 'stopsignal':
      case 'user':
      case 'volume':
        break;
      default:
        unreachable(instruction);
    }
  }

  #warn(rule: (typeof RULES)[keyof typeof RULES], at: StageInstruction, message: string): void {
    this.#report(rule, message, at.range, at.comments);
  }

  #undefined(instruction: StageInstruction, missing: ReadonlySet<string>, state: StageState): void {
    if (state.hasUnknownVariables) return;
    const declared = new Set(state.scope.declared.map(({ name }) => name));
    for (const name of missing) {
      if (declared.has(name)) continue;
      const near = suggestion(name, state.scope.variables.keys());
      const suffix = near === undefined ? '' : ` (did you mean $${near}?)`;
      this.#warn(RULES.undefinedVar, instruction, `Usage of undefined variable '$${name}'${suffix}`);
    }
  }

  #env(instruction: EnvInstruction, state: StageState): void {
    this.#oldPairs(instruction);
    for (const { key } of instruction.variables) this.#secret('ENV', key, instruction);
    state.scope.set(instruction);
  }

  #secret(keyword: string, name: string, instruction: StageInstruction): void {
    if (!SECRET.test(name) || NO_SECRET.test(name)) return;
    const message = `Do not use ARG or ENV instructions for sensitive data (${keyword} ${JSON.stringify(name)})`;
    this.#warn(RULES.secretsUsedInArgOrEnv, instruction, message);
  }

  #oldPairs(instruction: EnvInstruction | LabelInstruction): void {
    const { args, keyword } = instruction.statement;
    if (args[2]?.text !== '') return;
    const message = `"${keyword.text} key=value" should be used instead of legacy "${keyword.text} key value" format`;
    this.#warn(RULES.legacyKeyValueFormat, instruction, message);
  }

  #workdir(instruction: WorkdirInstruction, state: StageState): void {
    if (!state.hasWorkdir && !instruction.path.startsWith('/')) {
      const message = `Relative workdir ${JSON.stringify(instruction.path)} can have unexpected results if the base image changes`;
      this.#warn(RULES.workdirRelativePath, instruction, message);
    }
    state.hasWorkdir = true;
  }

  #expose(instruction: ExposeInstruction): void {
    for (const port of instruction.ports) {
      const protocol = port.slice(port.lastIndexOf(':') + 1).split('/')[1] ?? '';
      if (protocol !== protocol.toLowerCase()) {
        const message = `Defined protocol '${port}' in EXPOSE instruction should be lowercase`;
        this.#warn(RULES.exposeProtoCasing, instruction, message);
      }
      if (port.includes(':')) {
        const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
        this.#warn(RULES.exposeInvalidFormat, instruction, message);
      }
    }
  }

  #files(instruction: AddInstruction | CopyInstruction): void {
    const { ignore } = this.#context;
    if (ignore === undefined || ignore.hasExceptions) return;
    if (instruction.kind === 'copy' && instruction.from !== undefined) return;
    const verb = instruction.kind === 'copy' ? 'Copy' : 'Add';
    for (const source of instruction.sources) {
      const path = relativePath(source);
      if (path === undefined || !isIgnored(ignore, path)) continue;
      const message = `Attempting to ${verb} file ${JSON.stringify(path)} that is excluded by .dockerignore`;
      this.#warn(RULES.copyIgnoredFile, instruction, message);
    }
  }

  /** The earlier of two is named: it is the one without effect. */
  #single(instruction: Single, state: StageState, last: Map<Single['kind'], Single>): void {
    const earlier = last.get(instruction.kind);
    const name = instruction.statement.keyword.text;
    if (earlier !== undefined) {
      const message = `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`;
      this.#warn(RULES.multipleInstructionsDisallowed, earlier, message);
    }
    last.set(instruction.kind, instruction);
    if (instruction.kind === 'healthcheck' || instruction.command.form === 'exec' || state.hasShell) return;
    const message = `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`;
    this.#warn(RULES.jsonArgsRecommended, instruction, message);
  }
}

/** A source in the context; undefined for a URL. */
function relativePath(source: string): string | undefined {
  if (/^(?:https?|git|ssh):\/\/|^git@/.test(source)) return undefined;
  return posix.normalize(`/${source}`).replace(/^\/+|\/+$/g, '') || '.';
}

function isIgnored(ignore: IgnoreMatcher, path: string): boolean {
  return path === '.' ? ignore.ignoresEverything : ignore.matches(path);
}
