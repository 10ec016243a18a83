/** `docker build --check`: what works, but should not be written. */
import type { Dockerfile, Range } from '../ast.ts';
import { DockerfileError, withPlace } from '../dockerfile-error.ts';
import type { IgnoreMatcher } from '#oci/ignore.ts';
import type { Platform } from '#oci/platform.ts';
import { checkFile } from './lint-file.ts';
import { isRuleActive, type LintOptions, lintOptionsOf, withComments } from './lint-options.ts';
import type { LintRule } from './lint-rules.ts';
import { StageLinter } from './lint-stage.ts';
import { globalScope, type ScopeOptions } from '../stages/scopes.ts';
import { buildStageGraph, type StageSource } from '../stages/stages.ts';

export interface LintWarning {
  readonly rule: LintRule;
  readonly message: string;
  readonly range: Range;
}

/** What checks want to know of an image. */
export interface LintImage {
  readonly environment: ReadonlyMap<string, string>;
  /** It has triggers, which may define variables. */
  readonly hasTriggers?: boolean;
  /** What it is for, and what was asked for; absent where that does not matter. */
  readonly platforms?: { readonly actual: Platform; readonly expected: Platform };
}

export interface LintContext {
  readonly scope: ScopeOptions;
  /** Undefined: all stages are checked; else the target and what it needs. */
  readonly target?: string;
  /** Without a target: the last stage is it. */
  readonly isBuild?: boolean;
  /** Instead of the file's `check` directive. */
  readonly options?: LintOptions;
  /** The base of a stage, for what FROM says. Where it is not known, variables it may define are not reported. */
  readonly imageOf?: (base: StageSource, platform: Platform | undefined) => LintImage | undefined;
  /** The ignore file of the build context. */
  readonly ignore?: IgnoreMatcher;
}

export interface LintResult {
  /** Warnings in the order of lines. */
  readonly warnings: readonly LintWarning[];
  /** Why checking ended early: the build would fail with it. */
  readonly error?: DockerfileError;
  /** `check=error=true`, and there are warnings. */
  readonly isFailure: boolean;
}

/** Where checks report; `comments` above the instruction may switch a rule off. */
export type Report = (rule: LintRule, message: string, range: Range, comments?: readonly string[]) => void;

/** @throws {EngineError} `invalid` if the `check` directive cannot be read */
export function lintDockerfile(dockerfile: Dockerfile, context: LintContext): LintResult {
  const options = context.options ?? lintOptionsOf(dockerfile.directives);
  const warnings: LintWarning[] = [];
  const report: Report = (rule, message, range, comments = []) => {
    if (isRuleActive(withComments(options, comments), rule)) warnings.push({ rule, message, range });
  };
  const error = errorOf(dockerfile, () => runChecks(dockerfile, context, report));
  warnings.sort((left, right) => left.range.start.line - right.range.start.line);
  const isFailure = options.warningsAreErrors && warnings.length > 0;
  return { warnings, isFailure, ...(error === undefined ? {} : { error }) };
}

function runChecks(dockerfile: Dockerfile, context: LintContext, report: Report): void {
  checkFile(dockerfile, context.scope, report);
  const globals = globalScope(dockerfile, context.scope);
  const graph = buildStageGraph(dockerfile, {
    globals,
    ...(context.target === undefined ? {} : { target: context.target }),
  });
  const all = context.target === undefined && context.isBuild !== true;
  const needed = new Set(all ? graph.stages.keys() : graph.needed);
  const linter = new StageLinter(dockerfile, globals, context, report);
  for (const stage of graph.stages) if (needed.has(stage.stage.index)) linter.check(stage);
}

function errorOf({ source }: Dockerfile, action: () => void): DockerfileError | undefined {
  const start = { line: 1, column: 1 };
  try {
    withPlace({ range: { start, end: start }, source }, action);
    return undefined;
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
}

/** `lint violation found for rules: A, B`: what a build fails with where warnings are errors. */
export function lintFailureMessage(warnings: readonly LintWarning[]): string {
  const names = [...new Set(warnings.map(({ rule }) => rule.name))];
  return `lint violation found for rules: ${names.join(', ')}`;
}
