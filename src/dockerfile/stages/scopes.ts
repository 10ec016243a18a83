/**
 * What ARG and ENV mean at each place. FROM sees the global scope: automatic platform arguments and the ARGs before
 * the first FROM. A stage sees its base's environment and what it declares itself; `ARG name` without a default takes
 * the global value of that name. `--build-arg` beats every default, but only where the name is declared.
 */
import type { Platform } from '#oci/platform.ts';
import type { ArgInstruction, Dockerfile, EnvInstruction } from '../ast.ts';
import { withPlace } from '../dockerfile-error.ts';
import { expand, type Variables } from '../words/expand.ts';

export interface ScopeOptions {
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Where the build runs, and what it builds for. */
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
  /** The value of `TARGETSTAGE`; empty where the target has no name. */
  readonly targetStage: string;
}

/** Usable in RUN without an ARG; in no cache key, no history and no provenance. */
const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
/** Declared to configure the build itself: never in the environment of a step. */
const BUILD_ONLY_NAMES: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);

export function isProxyName(name: string): boolean {
  return PROXY_NAMES.includes(name.toUpperCase());
}

/** `linux/arm/v7` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** `TARGETPLATFORM` and its relatives; a build argument of the name replaces the value. */
function automaticArgs(options: ScopeOptions): Map<string, string> {
  const { buildPlatform: build, targetPlatform: target } = options;
  const defaults: readonly (readonly [string, string])[] = [
    ['BUILDPLATFORM', formatPlatform(build)],
    ['BUILDOS', build.os],
    ['BUILDOSVERSION', ''],
    ['BUILDARCH', build.architecture],
    ['BUILDVARIANT', build.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(target)],
    ['TARGETOS', target.os],
    ['TARGETOSVERSION', ''],
    ['TARGETARCH', target.architecture],
    ['TARGETVARIANT', target.variant ?? ''],
    ['TARGETSTAGE', options.targetStage === '' ? 'default' : options.targetStage],
  ];
  return new Map(defaults.map(([name, value]) => [name, options.buildArgs.get(name) ?? value]));
}

/**
 * The variables FROM sees.
 *
 * @throws {DockerfileError} if a default cannot be expanded
 */
export function globalScope(dockerfile: Dockerfile, options: ScopeOptions): ReadonlyMap<string, string> {
  const variables = automaticArgs(options);
  for (const instruction of dockerfile.globalArgs)
    withPlace({ range: instruction.range, source: dockerfile.source }, () => {
      for (const { name, value } of instruction.definitions) {
        const given = options.buildArgs.get(name);
        const actual =
          given ?? (value === undefined ? undefined : expandDefault(value, variables, dockerfile));
        if (actual !== undefined) variables.set(name, actual);
      }
    });
  return variables;
}

function expandDefault(value: string, variables: Variables, { escape }: Dockerfile): string {
  return expand(value, variables, { escape }).text;
}

/** Both spellings of every proxy a build argument names: RUN gets them unless its environment has them. */
export function proxyVariables(buildArgs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const proxies = new Map<string, string>();
  for (const [name, value] of buildArgs) {
    if (!isProxyName(name)) continue;
    const upper = name.toUpperCase();
    proxies.set(upper, value);
    proxies.set(upper.toLowerCase(), value);
  }
  return proxies;
}

export interface DeclaredArg {
  readonly name: string;
  /** Undefined: declared, but nothing gave it a value. */
  readonly value: string | undefined;
}

/** What the scopes of all stages of a file share. */
export interface ScopeFile {
  readonly dockerfile: Dockerfile;
  /** See {@link globalScope}. */
  readonly globals: ReadonlyMap<string, string>;
  readonly buildArgs: ReadonlyMap<string, string>;
}

/** The variables in force inside one stage, from its FROM downwards. Feed it each ARG and ENV in order. */
export class StageScope {
  readonly #file: ScopeFile;
  readonly #variables: Map<string, string>;
  readonly #declared: DeclaredArg[];

  /** @param environment what the stage starts with: its image's variables */
  constructor(
    file: ScopeFile,
    environment: Iterable<readonly [string, string]>,
    declared: readonly DeclaredArg[] = [],
  ) {
    this.#file = file;
    this.#variables = new Map(environment);
    this.#declared = [...declared];
  }

  /**
   * The scope of a stage built on this one: it inherits environment and declarations.
   *
   * @param environment its image's, which is stronger than any ARG of the stages below
   */
  derive(environment: Iterable<readonly [string, string]> = []): StageScope {
    const variables = [...this.#variables, ...environment];
    return new StageScope(this.#file, variables, this.#declared);
  }

  /** All that expands, which is also what RUN gets as its environment. Live: it follows later declarations. */
  get variables(): ReadonlyMap<string, string> {
    return this.#variables;
  }

  /** Every ARG so far, in order, doubles included: history names them in front of RUN. */
  get declared(): readonly DeclaredArg[] {
    return this.#declared;
  }

  /** What the last ARG of this name says, or the global one where it is not declared here. */
  lastDeclared(name: string): string | undefined {
    const declared = this.#declared.findLast((arg) => arg.name === name && arg.value !== undefined);
    return declared ? declared.value : this.#file.globals.get(name);
  }

  /**
   * @returns the values, and the variables its defaults asked for in vain
   * @throws {DockerfileError} if a default cannot be expanded
   */
  declare(instruction: ArgInstruction): {
    readonly args: readonly DeclaredArg[];
    readonly unmatched: ReadonlySet<string>;
  } {
    const unmatched = new Set<string>();
    const args = withPlace({ range: instruction.range, source: this.#file.dockerfile.source }, () =>
      instruction.definitions.map(({ name, value }) => {
        const arg = { name, value: this.#valueOf(name, value, unmatched) };
        if (arg.value !== undefined && !BUILD_ONLY_NAMES.has(name)) this.#variables.set(name, arg.value);
        this.#declared.push(arg);
        return arg;
      }),
    );
    return { args, unmatched };
  }

  /** @param instruction expanded already: all its values see the variables from before it */
  set(instruction: EnvInstruction): void {
    for (const { key, value } of instruction.variables) this.#variables.set(key, value);
  }

  /** The part of history between `RUN` and the command: `|2 A=1 B= `; empty without arguments. */
  historyPrefix(): string {
    const texts = new Map<string, string>();
    for (const { name, value } of this.#declared)
      texts.set(name, `${name}=${this.#variables.get(name) ?? value ?? ''}`);
    return texts.size === 0 ? '' : `|${texts.size} ${[...texts.values()].join(' ')} `;
  }

  #valueOf(name: string, value: string | undefined, unmatched: Set<string>): string | undefined {
    const given = this.#file.buildArgs.get(name);
    if (given !== undefined) return given;
    if (value === undefined) return this.#file.globals.get(name);
    const expansion = expand(value, this.#variables, { escape: this.#file.dockerfile.escape });
    for (const missing of expansion.unmatched) unmatched.add(missing);
    return expansion.text;
  }
}

/** Build arguments no ARG declares and nothing predefines, in the order given: worth a warning. */
export function unusedBuildArgs(
  dockerfile: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
): readonly string[] {
  const known = new Set<string>();
  const collect = (instruction: ArgInstruction): void => {
    for (const { name } of instruction.definitions) known.add(name);
  };
  dockerfile.globalArgs.forEach(collect);
  for (const { instructions } of dockerfile.stages)
    for (const instruction of instructions) if (instruction.kind === 'arg') collect(instruction);
  return [...buildArgs.keys()].filter((name) => !known.has(name) && !isPredefined(name));
}

const PREDEFINED =
  /^(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$|^SOURCE_DATE_EPOCH$|^BUILDKIT_/;

function isPredefined(name: string): boolean {
  return isProxyName(name) || PREDEFINED.test(name);
}
