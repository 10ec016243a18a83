/** What can be asked about a Dockerfile instead of building it; the forms of the answers are BuildKit's. */
import type { Range } from '#dockerfile/ast.ts';

/** `result.json` for programs, `result.txt` for people, the version of the form, and what else the question has. */
export type Answer = Readonly<Record<string, string>>;

const VERSION = '1.0.0';

export function answerOf(result: object, text: string): Answer {
  return { 'result.json': JSON.stringify(result, undefined, 2), 'result.txt': text, version: VERSION };
}

/** `pb.Location`: lines count from 1, characters from 0. */
export function locationOf(range: Range): object {
  return { ranges: [{ start: placeOf(range.start), end: placeOf(range.end) }] };
}

function placeOf({ line, column }: Range['start']): object {
  return { line, character: column - 1 };
}

/** The text of the comment line `# NAME text` above what has that name. */
export function describedIn(comments: readonly string[], name: string | undefined): string | undefined {
  if (name === undefined || name === '') return undefined;
  const line = comments.map((comment) => comment.trim()).find((comment) => comment.startsWith(`${name} `));
  return line?.slice(name.length + 1);
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
