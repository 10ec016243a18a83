/** Graphs as vertices. */
import { EngineError } from '#base/errors.ts';
import { unreachable } from '#base/unreachable.ts';
import { hostPlatform, platformText } from '#oci/platform.ts';
import { runsNatively } from '#container/program/emulation.ts';
import type { BuildRequest } from '../build.ts';
import type { BaseVertex, FileSource, Vertex } from '../definition/vertex.ts';
import type { Graph, GraphOperation, GraphOutput, InputNumber } from './graph.ts';
import { planExec } from './plan-exec.ts';
import { planFileActions } from './plan-files.ts';

const SCRATCH: BaseVertex = { kind: 'base', layers: [] };

export interface GraphPlan {
  readonly result: Vertex;
  /** The outputs of each operation. */
  readonly vertices: ReadonlyMap<GraphOperation, readonly Vertex[]>;
}

export interface GraphPlace {
  readonly request: Pick<BuildRequest, 'commands' | 'entitlements'>;
  readonly sources: ReadonlyMap<GraphOperation, FileSource>;
}

/** @throws {EngineError} `invalid` for what cannot be, `not-implemented` for operations that are not done here */
export function planGraph({ operations, result }: Graph, place: GraphPlace): GraphPlan {
  const planner = new GraphPlanner(place);
  for (const operation of operations) planner.add(operation);
  return { result: result ? planner.vertex(result) : SCRATCH, vertices: planner.vertices };
}

class GraphPlanner {
  readonly #place: GraphPlace;
  readonly #outputs = new Map<GraphOperation, ReadonlyMap<number, Vertex>>();

  constructor(place: GraphPlace) {
    this.#place = place;
  }

  get vertices(): ReadonlyMap<GraphOperation, readonly Vertex[]> {
    return new Map(
      [...this.#outputs].map(([operation, outputs]) => [operation, [...new Set(outputs.values())]]),
    );
  }

  /** To be called once what it needs has been added. */
  add(operation: GraphOperation): void {
    this.#outputs.set(operation, this.#plan(operation));
  }

  vertex({ operation, index }: GraphOutput): Vertex {
    const vertex = this.#outputs.get(operation)?.get(index);
    if (vertex) return vertex;
    throw new EngineError('invalid', `Cannot solve graph: ${operation.name} has no output ${index}`);
  }

  #files(output: GraphOutput): FileSource {
    return this.#place.sources.get(output.operation) ?? this.vertex(output);
  }

  #plan(operation: GraphOperation): ReadonlyMap<number, Vertex> {
    const { work } = operation;
    const inputs = this.#inputsOf(operation);
    switch (work.kind) {
      case 'source':
        return single(this.#source(operation));
      case 'exec': {
        const { platform = hostPlatform() } = operation;
        const foreign = runsNatively(platform) ? undefined : platformText(platform);
        const place = { request: this.#place.request, platform: foreign, ...inputs };
        const { vertex, outputs } = planExec(work, place);
        return outputs.size === 0 ? single(vertex) : outputs;
      }
      case 'files':
        return planFileActions(work.actions, { inputs: operation.inputs.length, ...inputs });
      case 'merge': {
        const [parent = SCRATCH, ...above] = work.inputs.map((input) => inputs.vertex(input));
        return single({ kind: 'merge', parent, above });
      }
      case 'diff': {
        const [lower, upper] = [inputs.vertex(work.lower), inputs.vertex(work.upper)];
        return single({ kind: 'diff', parent: SCRATCH, lower, upper });
      }
      case 'nested':
        throw notDone('graphs that are made by a program in another (BuildOp)');
      case 'unknown':
        throw notDone(`the operation ${operation.name}`);
      default:
        return unreachable(work);
    }
  }

  #inputsOf({ inputs, name }: GraphOperation) {
    const at = (input: InputNumber): GraphOutput | undefined => {
      if (input === undefined) return undefined;
      const output = inputs[input];
      if (!output) throw new EngineError('invalid', `Cannot solve graph: ${name} has no input ${input}`);
      return output;
    };
    return {
      vertex: (input: InputNumber): Vertex => {
        const output = at(input);
        return output ? this.vertex(output) : SCRATCH;
      },
      files: (input: InputNumber): FileSource => {
        const output = at(input);
        return output ? this.#files(output) : SCRATCH;
      },
    };
  }

  /** Files that no vertex has made are copied where they have to be a file system. */
  #source(operation: GraphOperation): Vertex {
    const source = this.#place.sources.get(operation);
    if (!source) throw notDone(`the operation ${operation.name}`);
    if (source.kind !== 'local' && source.kind !== 'git' && source.kind !== 'http') return source;
    return { kind: 'copy', parent: SCRATCH, files: [{ source, paths: ['/'] }], destination: '/' };
  }
}

function single(vertex: Vertex): ReadonlyMap<number, Vertex> {
  return new Map([[0, vertex]]);
}

function notDone(what: string): EngineError {
  return new EngineError('not-implemented', `Cannot solve graph: ${what}: not supported`);
}
