/** Walks over the stage graph: cycles, what a target needs, and in which order. */
import type { Dockerfile, Range } from '../ast.ts';
import { DockerfileError } from '../dockerfile-error.ts';
import type { ResolvedStage } from './stages.ts';

interface Edge {
  readonly index: number;
  readonly range: Range;
}

function edgesOf({ base, stage, dependencies }: ResolvedStage): readonly Edge[] {
  const all = [{ source: base, range: stage.from.range }, ...dependencies];
  return all.flatMap(({ source, range }) =>
    source.kind === 'stage' ? [{ index: source.index, range }] : [],
  );
}

/** What waits on the way down: the stage, its edges, how many of them have been followed. */
interface Frame {
  readonly index: number;
  readonly edges: readonly Edge[];
  followed: number;
}

/**
 * Depth first, with a stack of its own: a file may have tens of thousands of stages.
 *
 * @param enter called for each edge; the open frames are those on the path to it
 */
function walk(
  start: number,
  stages: readonly ResolvedStage[],
  visited: Set<number>,
  visit: {
    readonly onEdge?: (edge: Edge, path: readonly Frame[]) => void;
    readonly onLeave?: (index: number) => void;
  },
): void {
  const path: Frame[] = [];
  const enter = (index: number): void => {
    const stage = stages[index];
    if (visited.has(index) || stage === undefined) return;
    visited.add(index);
    path.push({ index, edges: edgesOf(stage), followed: 0 });
  };
  enter(start);
  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    const edge = frame.edges[frame.followed];
    frame.followed += 1;
    if (edge === undefined) {
      path.pop();
      visit.onLeave?.(frame.index);
    } else {
      visit.onEdge?.(edge, path);
      enter(edge.index);
    }
  }
}

/** @throws {DockerfileError} naming every line of the cycle */
export function checkCycles(stages: readonly ResolvedStage[], { source }: Dockerfile): void {
  const visited = new Set<number>();
  const open = new Set<number>();
  for (const { stage } of stages)
    walk(stage.index, stages, visited, {
      onEdge: (edge, path) => {
        open.add(path.at(-1)?.index ?? -1);
        if (!open.has(edge.index)) return;
        const ranges = path.flatMap(({ edges, followed }) => edges[followed - 1]?.range ?? []);
        throw new DockerfileError(
          `circular dependency detected on stage: ${stage.from.stageName ?? `stage-${stage.index}`}`,
          ranges,
          { source },
        );
      },
      onLeave: (index) => void open.delete(index),
    });
}

/** `target` and all it needs, each after what it needs. */
export function neededBy(target: number, stages: readonly ResolvedStage[]): readonly number[] {
  const order: number[] = [];
  walk(target, stages, new Set(), { onLeave: (index) => void order.push(index) });
  return order;
}

/** A stage reads from stages above it only. @throws {DockerfileError} */
export function checkOrder(
  needed: readonly number[],
  stages: readonly ResolvedStage[],
  { source }: Dockerfile,
): void {
  for (const index of needed)
    for (const dependency of stages[index]?.dependencies ?? []) {
      if (dependency.source.kind !== 'stage' || dependency.source.index < index) continue;
      const { from, range } = dependency;
      const current = stages[index]?.displayName ?? '';
      throw new DockerfileError(
        `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(current)}`,
        [range],
        { source },
      );
    }
}
