/** Which frontend a build asks for: that of Dockerfiles is built in, and no other is there. */
import { fieldsOf, tryParseJson } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import type { Range } from '#dockerfile/ast.ts';
import { DockerfileError } from '#dockerfile/dockerfile-error.ts';
import { isReference, parseReference } from '#oci/reference.ts';
import type { BuildRequest } from '../build.ts';

/** Images with the frontend of Dockerfiles, in any version and channel (`1`, `1-labs`, `master`). */
const DOCKERFILE_FRONTENDS = ['docker/dockerfile', 'docker/dockerfile-upstream'];
const ARGUMENT = 'BUILDKIT_SYNTAX';

/** `# syntax=…`, and the same in files whose comments begin with two slashes. */
const DIRECTIVES = [
  /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/,
  /^\/\/\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/,
];

interface Syntax {
  readonly image: string;
  readonly range: Range;
}

/**
 * A file for another frontend must not be built as a Dockerfile: it may mean something else there.
 *
 * @throws {EngineError} `not-implemented` for another frontend, with the line that asks for it
 */
export function checkFrontend(
  text: string,
  { dockerfile, buildArgs }: Pick<BuildRequest, 'dockerfile' | 'buildArgs'>,
): void {
  const argument = buildArgs[ARGUMENT];
  if (argument) return requireDockerfiles(firstWord(argument));
  const syntax = syntaxOf(text);
  if (!syntax || isForDockerfiles(syntax.image)) return;
  const source = { name: dockerfile, text };
  throw new DockerfileError(refusal(syntax.image), [syntax.range], { source });
}

/** @param image with a frontend @throws {EngineError} `not-implemented` for another than that of Dockerfiles */
export function requireDockerfiles(image: string): void {
  if (!isForDockerfiles(image)) throw new EngineError('not-implemented', refusal(image));
}

function refusal(image: string): string {
  return `Cannot build with frontend ${image}: only that of Dockerfiles (docker/dockerfile) is there, and frontends that are images cannot be run`;
}

function isForDockerfiles(image: string): boolean {
  if (!isReference(image)) return false;
  const { domain, path } = parseReference(image);
  return domain === 'docker.io' && DOCKERFILE_FRONTENDS.includes(path);
}

function syntaxOf(text: string): Syntax | undefined {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const directive of DIRECTIVES) {
    const found = directiveIn(lines, directive);
    if (found) return found;
  }
  return syntaxOfJson(text);
}

/** Only at the top of the file, below the line that names a script's interpreter. */
function directiveIn(lines: readonly string[], directive: RegExp): Syntax | undefined {
  const first = lines[0]?.startsWith('#!') ? 1 : 0;
  for (const [index, line] of lines.entries()) {
    if (index < first) continue;
    const [, name, value = ''] = directive.exec(line.trimStart()) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() === 'syntax') return { image: firstWord(value), range: lineRange(index, line) };
  }
  return undefined;
}

/** A file that is a JSON object may name its frontend in a field. */
function syntaxOfJson(text: string): Syntax | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const { syntax } = fieldsOf(tryParseJson(text));
  return typeof syntax === 'string' ? { image: firstWord(syntax), range: lineRange(0, '') } : undefined;
}

function lineRange(index: number, line: string): Range {
  return { start: { line: index + 1, column: 1 }, end: { line: index + 1, column: line.length + 1 } };
}

function firstWord(text: string): string {
  return text.trim().split(/\s/, 1)[0] ?? '';
}
