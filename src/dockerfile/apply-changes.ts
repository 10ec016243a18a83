import { EngineError } from '#base/errors.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Instruction, StageInstruction, Statement, WorkdirInstruction } from './ast.ts';
import { changeConfig, type ConfigInstruction, environmentOf, workingDirectoryOf } from './change-config.ts';
import { expandInstruction } from './expand-instruction.ts';
import { parseInstruction } from './instructions/instructions.ts';
import { parseFile } from './parse/parser.ts';

type ChangeInstruction = Exclude<ConfigInstruction, { readonly kind: 'shell' }> | WorkdirInstruction;

/** moby's `validCommitCommands` (builder/dockerfile/builder.go). */
const KINDS: Readonly<Record<ChangeInstruction['kind'], true>> = {
  cmd: true,
  entrypoint: true,
  env: true,
  expose: true,
  healthcheck: true,
  label: true,
  onbuild: true,
  stopsignal: true,
  user: true,
  volume: true,
  workdir: true,
};

/**
 * `--change` of commit and import: instructions of one file, each expanded with the variables that stand in `config`
 * once those before it are applied.
 *
 * @throws {EngineError} `invalid`, with the language's text, or moby's where the instruction changes no configuration
 */
export function applyChanges(config: ImageDefaults, changes: readonly string[]): ImageDefaults {
  const text = changes.join('\n');
  if (changes.length === 0) return config;
  if (text.trim() === '') throw new EngineError('invalid', 'file with no instructions');
  const { statements, escape } = parseFile({ name: 'changes', text });
  for (const { keyword } of statements)
    if (!isKind(keyword.text.toLowerCase()))
      throw new EngineError('invalid', `${keyword.text} is not a valid change command`);
  const instructions = statements.map(parseChange);
  let changed = config;
  let isCommandSet = false;
  for (const instruction of instructions) {
    const variables = new Map(environmentOf(changed));
    changed = apply(changed, expandInstruction(instruction, { variables, escape }).instruction, isCommandSet);
    if (instruction.kind === 'cmd') isCommandSet = true;
  }
  return changed;
}

function parseChange(statement: Statement): ChangeInstruction {
  const instruction = parseInstruction(statement, '');
  if (isChange(instruction)) return instruction;
  throw new EngineError('invalid', `${statement.keyword.text} is not a valid change command`);
}

function isKind(keyword: string): boolean {
  return Object.hasOwn(KINDS, keyword);
}

function isChange(instruction: Instruction | StageInstruction): instruction is ChangeInstruction {
  return isKind(instruction.kind);
}

function apply(config: ImageDefaults, instruction: ChangeInstruction, isCommandSet: boolean): ImageDefaults {
  if (instruction.kind === 'workdir') return changeWorkingDirectory(config, instruction);
  const { config: changed } = changeConfig(config, instruction, isCommandSet);
  if (instruction.kind !== 'cmd') return changed;
  // The mark is BuildKit's; moby's classic builder takes it off.
  const { ArgsEscaped: _, ...unmarked } = changed;
  return unmarked;
}

function changeWorkingDirectory(config: ImageDefaults, { path }: WorkdirInstruction): ImageDefaults {
  if (path === '') throw new EngineError('invalid', 'cannot normalize nothing');
  return { ...config, WorkingDir: workingDirectoryOf(config, path) };
}
