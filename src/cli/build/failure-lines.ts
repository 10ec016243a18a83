import type { WireBuildFailure } from '#wire/build-session.ts';
import { type BoardVertex, takePartial } from './vertex-board.ts';

const RULE = '------';

/** What the vertex that failed said last, and the lines of the Dockerfile; empty where neither is known. */
export function failureLines(
  vertices: Iterable<BoardVertex>,
  failure: WireBuildFailure,
  isShown: boolean,
): readonly string[] {
  const lines: string[] = [];
  if (isShown)
    for (const vertex of vertices) {
      const { error, name } = vertex.status;
      if (error === undefined || error === CANCELED) continue;
      takePartial(vertex);
      if (vertex.lines.length === 0) continue;
      lines.push(RULE, ` > ${name}:`);
      for (const { seconds, text } of vertex.lines.slice(-SHOWN_LINES))
        lines.push(`${seconds.toFixed(3)} ${text}`);
      lines.push(RULE);
    }
  if (failure.snippet !== undefined) lines.push(...failure.snippet.trimEnd().split('\n'));
  return lines;
}

const SHOWN_LINES = 10;
/** BuildKit's word for what did not fail itself. */
export const CANCELED = 'context canceled';
