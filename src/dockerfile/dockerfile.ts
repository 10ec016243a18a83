/** A Dockerfile's text into stages of typed instructions. */
import type {
  ArgInstruction,
  Dockerfile,
  FromInstruction,
  Instruction,
  ParsedFile,
  Range,
  SourceFile,
  Stage,
  StageInstruction,
} from './ast.ts';
import { DockerfileError, withPlace } from './dockerfile-error.ts';
import { parseInstruction } from './instructions/instructions.ts';
import { parseFile } from './parse/parser.ts';

const START = { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } } as const;

/**
 * @param text the file, any line endings
 * @param name shown in errors
 * @throws {DockerfileError} with BuildKit's texts, its place, and the source for a snippet
 */
export function parseDockerfile(text: string, name = 'Dockerfile'): Dockerfile {
  const source: SourceFile = { name, text };
  const file = parseFile(source);
  return withPlace({ range: START, source }, () => groupStages(file));
}

interface OpenStage {
  readonly from: FromInstruction;
  readonly instructions: StageInstruction[];
}

function groupStages(file: ParsedFile): Dockerfile {
  const globalArgs: ArgInstruction[] = [];
  const open: OpenStage[] = [];
  for (const statement of file.statements) {
    const instruction = parseInstruction(statement);
    if (instruction.kind === 'from') open.push({ from: instruction, instructions: [] });
    else addInstruction(instruction, open.at(-1), globalArgs);
  }
  if (open.length === 0) throw new DockerfileError('dockerfile contains no stages to build', [START]);
  const stages = open.map((stage, index): Stage => ({ index, ...stage }));
  return { ...file, globalArgs, stages };
}

function addInstruction(
  instruction: StageInstruction,
  stage: OpenStage | undefined,
  globalArgs: ArgInstruction[],
): void {
  if (stage !== undefined) stage.instructions.push(instruction);
  else if (instruction.kind === 'arg') globalArgs.push(instruction);
  else throw new DockerfileError('no build stage in current context', [instruction.range]);
}

/** The FROM that runs a trigger, and its file. */
export interface TriggerPlace {
  readonly range: Range;
  readonly source?: SourceFile;
}

/**
 * An ONBUILD trigger from an image's config, standing where it is run.
 *
 * @throws {DockerfileError}
 */
export function parseTrigger(expression: string, place: TriggerPlace = { range: START }): StageInstruction {
  const { range, source } = place;
  try {
    return { ...triggerOf(expression), range };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`dockerfile parse error in ONBUILD trigger: ${error.message}`, [range], {
      cause: error,
      ...(source !== undefined && { source }),
    });
  }
}

function triggerOf(expression: string): StageInstruction {
  const { statements } = parseFile({ name: 'ONBUILD', text: expression });
  const [only, ...others] = statements;
  if (only === undefined || others.length > 0) throw notSingle();
  const instruction: Instruction = parseInstruction(only, '');
  if (instruction.kind === 'from') throw notSingle();
  return instruction;
}

function notSingle(): DockerfileError {
  return new DockerfileError('onbuild trigger should be a single expression', [START]);
}
