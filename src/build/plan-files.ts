/** COPY and ADD as vertices. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isArchive } from './archive-file.ts';
import type { BuildContext } from './build-context.ts';
import type { CopyVertex, FileSource, UnpackVertex, Vertex } from './build.ts';
import type { AddInstruction, CopyInstruction } from './dockerfile/ast.ts';
import { notYet } from './not-yet.ts';

export interface FilePlace {
  readonly parent: Vertex;
  readonly workingDirectory: string;
  readonly context: BuildContext;
  readonly source: FileSource;
}

/** @param instruction with its variables expanded */
export function planFiles(
  instruction: CopyInstruction | AddInstruction,
  place: FilePlace,
): CopyVertex | UnpackVertex {
  checkSupported(instruction);
  const { sources, inlineFiles, chown } = instruction;
  const destination = absoluteDestination(instruction.destination, place.workingDirectory);
  const mode = modeOf(instruction);
  const common = {
    parent: place.parent,
    destination,
    ...(chown !== undefined && chown !== '' && { owner: chown }),
    ...(mode !== undefined && { mode }),
  };
  if (inlineFiles.length > 0) {
    const directory = writeInlineFiles(instruction, place.context);
    const { hold } = place.context.files;
    const source = { kind: 'local', directory, ignore: [], hold } as const;
    return { kind: 'copy', ...common, files: { source, paths: inlineFiles.map(({ name }) => name) } };
  }
  const [path = ''] = sources;
  const archives =
    instruction.kind === 'add'
      ? sources.filter((path) => isArchive(place.context.files.directory, path))
      : [];
  if (archives.length === 0)
    return { kind: 'copy', ...common, files: { source: place.source, paths: sources } };
  if (sources.length > 1) throw notYet('ADD of an archive among other files', instruction.range);
  return { kind: 'unpack', ...common, source: place.context.files, path };
}

function checkSupported(instruction: CopyInstruction | AddInstruction): void {
  const { range, exclude, sources, inlineFiles } = instruction;
  const name = instruction.kind.toUpperCase();
  if (exclude.length > 0) throw notYet(`${name} --exclude`, range);
  if (instruction.kind === 'copy' && instruction.parents) throw notYet('COPY --parents', range);
  if (instruction.kind === 'add') checkAdd(instruction);
  if (inlineFiles.length > 0 && sources.length > 0) throw notYet(`${name} of heredocs among files`, range);
}

function checkAdd({ range, sources, checksum, unpack }: AddInstruction): void {
  if (checksum !== undefined || sources.some((source) => /^(?:https?|git|ssh):\/\/|^git@/.test(source)))
    throw notYet('ADD of a URL', range);
  if (unpack !== undefined) throw notYet('ADD --unpack', range);
}

/** A slash at the end stays: it says that it is a directory. */
function absoluteDestination(path: string, workingDirectory: string): string {
  const absolute = posix.resolve(workingDirectory, path);
  return /(?:^|\/)\.?$/.test(path) && absolute !== '/' ? `${absolute}/` : absolute;
}

function modeOf({ chmod, range }: CopyInstruction | AddInstruction): number | undefined {
  if (chmod === undefined || chmod === '') return undefined;
  if (/^[0-7]{1,5}$/.test(chmod)) return Number.parseInt(chmod, 8) & 0o7777;
  if (/^[0-9]+$/.test(chmod)) throw new EngineError('invalid', `invalid chmod parameter: '${chmod}'`);
  throw notYet('a symbolic --chmod', range);
}

function writeInlineFiles({ inlineFiles }: CopyInstruction | AddInstruction, context: BuildContext): string {
  const directory = context.makeDirectory();
  for (const { name, content } of inlineFiles) {
    const path = join(directory, posix.join('/', name));
    writeFileSync(path, content, { flag: 'wx' });
    chmodSync(path, 0o644);
  }
  return directory;
}
