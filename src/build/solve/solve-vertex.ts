/** The work behind each kind of vertex: from the layers below to the one layer it adds. */
import { unreachable } from '#base/unreachable.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Sources } from './file-sources.ts';
import type { FileWork } from './file-work.ts';
import { solveCopy } from './solve-copy.ts';
import { solveDiff } from './solve-diff.ts';
import { type CommandWork, solveExec } from './solve-exec.ts';
import { solveFiles } from './solve-files.ts';
import type { SolvedAlone, VertexLayers, VertexWork } from './vertex-work.ts';

export class VertexSolver {
  readonly #commands: CommandWork;
  readonly #files: FileWork;

  constructor(commands: CommandWork, files: FileWork) {
    this.#commands = commands;
    this.#files = files;
  }

  /** @throws {StepFailure} for a command that fails */
  async solve(vertex: SolvedAlone, sources: Sources, work: VertexWork): Promise<VertexLayers> {
    switch (vertex.kind) {
      case 'exec':
        return await solveExec(this.#commands, vertex, sources, work);
      case 'copy':
        return layersOf(await solveCopy(this.#files, vertex, sources, work));
      case 'files':
        return layersOf(await solveFiles(this.#files, vertex, sources, work));
      case 'diff':
        return layersOf(await solveDiff(this.#files, vertex, sources, work));
      default:
        return unreachable(vertex);
    }
  }
}

function layersOf(layer: ImageLayer | undefined): VertexLayers {
  return layer ? { layer } : {};
}
