/** The checks that need no variables of a stage: names, casing, FROM. */
import { EngineError } from '#base/errors.ts';
import { parsePlatform } from '#oci/platform.ts';
import { parseReference } from '#oci/reference.ts';
import type { Dockerfile, FromInstruction, Instruction } from '../ast.ts';
import { expand, type Expansion } from '../words/expand.ts';
import type { Report } from './lint.ts';
import { RULES } from './lint-rules.ts';
import { globalScope, type ScopeOptions } from '../stages/scopes.ts';
import { suggestion } from '../suggest.ts';

const RESERVED_STAGE_NAMES = ['context', 'scratch'];

export function checkFile(dockerfile: Dockerfile, scope: ScopeOptions, report: Report): void {
  for (const { range } of dockerfile.emptyContinuations)
    report(RULES.noEmptyContinuation, 'Empty continuation line', range);
  checkCasing(dockerfile, report);
  checkStageNames(dockerfile, report);
  for (const { from } of dockerfile.stages) checkFromKeywords(from, report);
  for (const instruction of instructionsOf(dockerfile)) {
    checkDescription(instruction, report);
    checkTrailingComment(instruction, report);
  }
  checkDefaultBases(dockerfile, scope, report);
  const globals = globalScope(dockerfile, scope);
  for (const { from } of dockerfile.stages) checkFromVariables(from, dockerfile, globals, report);
}

function* instructionsOf({ globalArgs, stages }: Dockerfile): Generator<Instruction> {
  yield* globalArgs;
  for (const { from, instructions } of stages) {
    yield from;
    yield* instructions;
  }
}

/** The majority decides; a tie is upper case. ARGs before the first FROM have no vote. */
function checkCasing({ stages }: Dockerfile, report: Report): void {
  const keywords = stages
    .flatMap(({ from, instructions }) => [from, ...instructions])
    .map(({ statement }) => statement.keyword.text);
  const lower = keywords.filter((text) => text === text.toLowerCase()).length;
  const upper = keywords.filter((text) => text === text.toUpperCase()).length;
  const isLower = lower > upper;
  for (const { from, instructions } of stages)
    for (const { statement, range, comments } of [from, ...instructions]) {
      const { text } = statement.keyword;
      if (text === (isLower ? text.toLowerCase() : text.toUpperCase())) continue;
      const message = `Command '${text}' should match the case of the command majority (${isLower ? 'lowercase' : 'uppercase'})`;
      report(RULES.consistentInstructionCasing, message, range, comments);
    }
}

function checkStageNames({ stages }: Dockerfile, report: Report): void {
  const names = new Set<string>();
  for (const { from } of stages) {
    const name = from.stageName;
    if (name === undefined) continue;
    if (RESERVED_STAGE_NAMES.includes(name)) {
      const message = `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`;
      report(RULES.reservedStageName, message, from.range, from.comments);
    }
    if (names.has(name)) {
      const message = `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`;
      report(RULES.duplicateStageName, message, from.range, from.comments);
    }
    names.add(name);
  }
}

function checkFromKeywords({ statement, range, comments }: FromInstruction, report: Report): void {
  const from = statement.keyword.text;
  const [, as, name] = statement.args.map(({ text }) => text);
  if (as === undefined || name === undefined) return;
  if (name !== name.toLowerCase())
    report(RULES.stageNameCasing, `Stage name '${name}' should be lowercase`, range, comments);
  const isLower = from === from.toLowerCase();
  if (!isLower && from !== from.toUpperCase()) return;
  if (as !== (isLower ? as.toLowerCase() : as.toUpperCase()))
    report(RULES.fromAsCasing, `'${as}' and '${from}' keywords' casing do not match`, range, comments);
}

/** A comment right above an ARG or a named FROM is taken for its description. */
function checkDescription(instruction: Instruction, report: Report): void {
  const names = definedNames(instruction);
  const comment = instruction.comments.at(-1);
  const [first] = names;
  if (comment === undefined || first === undefined || names.includes(comment.split(' ')[0] ?? '')) return;
  const example = names.length > 1 ? '<arg_key>' : first;
  const message = `Comment for ${instruction.kind.toUpperCase()} should follow the format: \`# ${example} <description>\``;
  report(RULES.invalidDefinitionDescription, message, instruction.range, instruction.comments);
}

function checkTrailingComment({ statement, range, comments }: Instruction, report: Report): void {
  const comment = (statement.trigger ?? statement).trailingComment;
  if (comment === undefined) return;
  const message = `Ignored what follows the JSON array, ${JSON.stringify(comment.text)}: a comment should stand on a line of its own`;
  report(RULES.trailingComment, message, range, comments);
}

function definedNames(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'arg') return instruction.definitions.map(({ name }) => name);
  return instruction.kind === 'from' && instruction.stageName !== undefined ? [instruction.stageName] : [];
}

/** Without any `--build-arg`, every FROM should still name an image. */
function checkDefaultBases(dockerfile: Dockerfile, scope: ScopeOptions, report: Report): void {
  const defaults = tryExpand(() => globalScope(dockerfile, { ...scope, buildArgs: new Map() }));
  if (defaults === undefined) return;
  for (const { from } of dockerfile.stages) {
    const base = tryExpand(() => expand(from.base, defaults, { escape: dockerfile.escape }).text);
    if (base === undefined) return;
    if (tryExpand(() => parseReference(base)) !== undefined) continue;
    const message = `Default value for ARG ${from.base} results in empty or invalid base image name`;
    report(RULES.invalidDefaultArgInFrom, message, from.range, from.comments);
  }
}

/** What cannot be expanded fails the build elsewhere. */
function tryExpand<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function checkFromVariables(
  from: FromInstruction,
  dockerfile: Dockerfile,
  globals: ReadonlyMap<string, string>,
  report: Report,
): void {
  const known = new Set(globals.keys());
  for (const { definitions } of dockerfile.globalArgs) for (const { name } of definitions) known.add(name);
  for (const text of [from.base, from.platform]) {
    if (text === undefined) continue;
    const expansion = tryExpand(() => expand(text, globals, { escape: dockerfile.escape }));
    if (expansion === undefined) continue;
    for (const name of expansion.unmatched) if (!known.has(name)) reportUndeclared(name, known, from, report);
    if (text === from.platform) checkPlatform(from, expansion, globals, report);
  }
}

function reportUndeclared(
  name: string,
  known: ReadonlySet<string>,
  from: FromInstruction,
  report: Report,
): void {
  const near = suggestion(name, known);
  const suffix = near === undefined ? '' : ` (did you mean ${near}?)`;
  report(
    RULES.undefinedArgInFrom,
    `FROM argument '${name}' is not declared${suffix}`,
    from.range,
    from.comments,
  );
}

function checkPlatform(
  from: FromInstruction,
  { text, matched, unmatched }: Expansion,
  globals: ReadonlyMap<string, string>,
  report: Report,
): void {
  if (matched.size === 1 && unmatched.size === 0 && matched.has('TARGETPLATFORM')) {
    if (text !== globals.get('TARGETPLATFORM')) return;
    const message = `Setting platform to predefined ${from.platform} in FROM is redundant as this is the default behavior`;
    report(RULES.redundantTargetPlatform, message, from.range, from.comments);
  }
  if (matched.size > 0 || unmatched.size > 0) return;
  const platform = tryExpand(() => parsePlatform(text));
  if (platform === undefined) return;
  const name = from.stageName ?? '';
  if (name.includes(platform.os) || name.includes(platform.architecture)) return;
  const message = `FROM --platform flag should not use constant value ${JSON.stringify(text)}`;
  report(RULES.fromPlatformFlagConstDisallowed, message, from.range, from.comments);
}
