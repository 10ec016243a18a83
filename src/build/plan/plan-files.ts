/** COPY and ADD as vertices. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { BuildContext } from '../contexts/build-context.ts';
import type { CopiedFiles, CopyVertex, FileSource, GitTree, HttpFile, Vertex } from '../definition/vertex.ts';
import type { AddInstruction, CopyInstruction } from '#dockerfile/ast.ts';
import { escapeWildcards } from '#oci/glob.ts';
import { parseModeChange } from '../files/mode-change.ts';
import { isHttpUrl, parseGitUrl } from '../remote/git-url.ts';

export interface FilePlace {
  readonly parent: Vertex;
  readonly workingDirectory: string;
  readonly context: BuildContext;
  readonly source: FileSource;
}

/**
 * @param instruction with its variables expanded
 * @throws {EngineError} `invalid` for options that do not go together
 */
export function planFiles(instruction: CopyInstruction | AddInstruction, place: FilePlace): CopyVertex {
  const { sources, inlineFiles, chown, chmod, link } = instruction;
  if (chmod !== undefined && chmod !== '') parseModeChange(chmod);
  if (instruction.kind === 'add') checkChecksum(instruction);
  return {
    kind: 'copy',
    parent: place.parent,
    destination: absoluteDestination(instruction.destination, place.workingDirectory),
    ...(chown !== undefined && chown !== '' && { owner: chown }),
    ...(chmod !== undefined && chmod !== '' && { mode: chmod }),
    ...(link && { isLinked: true }),
    files: [
      ...filesOf(instruction, sources, place),
      ...(inlineFiles.length > 0 ? [writeInlineFiles(instruction, place.context)] : []),
    ],
  };
}

/** Files that follow each other in one source are taken together. */
function filesOf(
  instruction: CopyInstruction | AddInstruction,
  sources: readonly string[],
  place: FilePlace,
): readonly CopiedFiles[] {
  const all: CopiedFiles[] = [];
  let paths: string[] = [];
  for (const source of sources) {
    const remote = remoteFiles(instruction, source);
    if (remote) {
      if (paths.length > 0) all.push(localFiles(instruction, paths, place.source));
      paths = [];
      all.push(remote);
    } else paths.push(source);
  }
  return paths.length === 0 ? all : [...all, localFiles(instruction, paths, place.source)];
}

function localFiles(
  instruction: CopyInstruction | AddInstruction,
  paths: readonly string[],
  source: FileSource,
): CopiedFiles {
  const { exclude } = instruction;
  const unpack = instruction.kind === 'add' && instruction.unpack !== false;
  const withParents = instruction.kind === 'copy' && instruction.parents;
  return {
    source,
    paths,
    ...(exclude.length > 0 && { exclude }),
    ...(unpack && { unpack }),
    ...(withParents && { withParents }),
  };
}

function remoteFiles(instruction: CopyInstruction | AddInstruction, text: string): CopiedFiles | undefined {
  const git = parseGitUrl(text);
  if (!git && !isHttpUrl(text)) return undefined;
  if (instruction.kind === 'copy')
    throw new EngineError(
      'invalid',
      git ? `source can't be a git ref for COPY` : `source can't be a URL for COPY`,
    );
  const { exclude, unpack = false } = instruction;
  const options = exclude.length > 0 ? { exclude } : {};
  if (!git)
    return { source: httpFile(instruction, text), paths: ['*'], ...options, ...(unpack && { unpack }) };
  return { source: gitTree(instruction, git), paths: ['/'], ...options };
}

function httpFile({ checksum }: AddInstruction, url: string): HttpFile {
  return { kind: 'http', url, ...(checksum !== undefined && { checksum: digestOf(checksum) }) };
}

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new EngineError('invalid', `invalid checksum digest format: ${text}`);
}

function gitTree(
  { keepGitDir, checksum }: AddInstruction,
  location: NonNullable<ReturnType<typeof parseGitUrl>>,
): GitTree {
  const { keepGitDirectory = keepGitDir ?? false, ...rest } = location;
  if (keepGitDir !== undefined && keepGitDir !== keepGitDirectory)
    throw new EngineError('invalid', 'inconsistent keep-git-dir configuration');
  if (checksum !== undefined && rest.checksum !== undefined && checksum !== rest.checksum)
    throw new EngineError('invalid', `checksum mismatch "${checksum}" != "${rest.checksum}"`);
  return { kind: 'git', ...rest, keepGitDirectory, ...(checksum !== undefined && { checksum }) };
}

function checkChecksum({ checksum, sources }: AddInstruction): void {
  if (checksum === undefined) return;
  if (sources.length !== 1)
    throw new EngineError('invalid', "checksum can't be specified for multiple sources");
  const [source = ''] = sources;
  if (!isHttpUrl(source) && !parseGitUrl(source))
    throw new EngineError('invalid', 'checksum requires HTTP(S) or Git sources');
}

/** A slash at the end stays: it says that it is a directory. */
function absoluteDestination(path: string, workingDirectory: string): string {
  const absolute = posix.resolve(workingDirectory, path);
  return /(?:^|\/)\.?$/.test(path) && absolute !== '/' ? `${absolute}/` : absolute;
}

function writeInlineFiles(
  { inlineFiles }: CopyInstruction | AddInstruction,
  context: BuildContext,
): CopiedFiles {
  const directory = context.makeDirectory();
  for (const { name, content } of inlineFiles) {
    const path = join(directory, posix.join('/', name));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, 0o644);
  }
  const source = { kind: 'local', directory, ignore: [], hold: () => context.hold() } as const;
  return { source, paths: inlineFiles.map(({ name }) => escapeWildcards(name)) };
}
