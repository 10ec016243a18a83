/** What led to each layer of a file system, where there is no history. */
import type { ImageHistory } from '#oci/image-config.ts';
import { formatDate } from '#base/timestamps.ts';
import type { Solver } from '../solve/solver.ts';
import type { Vertex } from '../definition/vertex.ts';
import { describeVertex } from '../definition/describe-vertex.ts';

/** The form is BuildKit's. */
const COMMENT = 'buildkit.exporter.image.v0';

/** A line for each layer, bottom first. */
export function layerHistory(solver: Solver, vertex: Vertex): Promise<readonly ImageHistory[]> {
  const known = new Map<Vertex, Promise<readonly ImageHistory[]>>();
  const of = (each: Vertex): Promise<readonly ImageHistory[]> => {
    const lines = known.get(each) ?? linesOf(solver, each, of);
    known.set(each, lines);
    return lines;
  };
  return of(vertex);
}

async function linesOf(
  solver: Solver,
  vertex: Vertex,
  of: (vertex: Vertex) => Promise<readonly ImageHistory[]>,
): Promise<readonly ImageHistory[]> {
  if (vertex.kind === 'base') return vertex.layers.map(() => ({ created_by: 'pulled', comment: COMMENT }));
  if (vertex.kind === 'merge') return (await Promise.all([vertex.parent, ...vertex.above].map(of))).flat();
  const { layer, createdAtMs } = await solver.solve(vertex);
  const line = { created: formatDate(createdAtMs), created_by: describeVertex(vertex), comment: COMMENT };
  if (vertex.kind !== 'diff') return [...(await of(vertex.parent)), ...(layer ? [line] : [])];
  const { length } = await solver.layersOf(vertex);
  return layer ? [line] : (await of(vertex.upper)).slice((await of(vertex.upper)).length - length);
}
