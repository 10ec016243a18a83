/** Graphs as vertices. */
import { EngineError } from '#base/errors.ts';
import { hostPlatform, type Platform, platformText } from '#oci/platform.ts';
import { runsNatively } from '#container/program/emulation.ts';
import { NONE, type Op } from '#wire/buildkit/ops.ts';
import type { BuildRequest } from '../build.ts';
import type { BaseVertex, FileSource, Vertex } from '../definition/vertex.ts';
import type { Graph, Operation, Output } from './graph.ts';
import { planExec } from './plan-exec.ts';
import { planFileActions } from './plan-files.ts';

const SCRATCH: BaseVertex = { kind: 'base', layers: [] };

export interface GraphPlan {
  readonly result: Vertex;
  /** What there is of each operation. */
  readonly vertices: ReadonlyMap<Operation, readonly Vertex[]>;
}

export interface GraphPlace {
  readonly request: Pick<BuildRequest, 'hostConfig' | 'entitlements'>;
  /** Of operations that are sources. */
  readonly sources: ReadonlyMap<Operation, FileSource>;
}

/** @throws {EngineError} `invalid` for what cannot be, `not-implemented` for operations that are not done here */
export function planGraph({ operations, result }: Graph, place: GraphPlace): GraphPlan {
  const planner = new GraphPlanner(place);
  for (const operation of operations) planner.add(operation);
  return { result: result ? planner.vertex(result) : SCRATCH, vertices: planner.vertices };
}

class GraphPlanner {
  readonly #place: GraphPlace;
  readonly #outputs = new Map<Operation, ReadonlyMap<number, Vertex>>();

  constructor(place: GraphPlace) {
    this.#place = place;
  }

  get vertices(): ReadonlyMap<Operation, readonly Vertex[]> {
    return new Map(
      [...this.#outputs].map(([operation, outputs]) => [operation, [...new Set(outputs.values())]]),
    );
  }

  /** What it needs has been added. */
  add(operation: Operation): void {
    this.#outputs.set(operation, this.#plan(operation));
  }

  vertex({ operation, index }: Output): Vertex {
    const vertex = this.#outputs.get(operation)?.get(index);
    if (vertex) return vertex;
    throw new EngineError('invalid', `Cannot solve graph: ${operation.name} has no output ${index}`);
  }

  #files(output: Output): FileSource {
    return this.#place.sources.get(output.operation) ?? this.vertex(output);
  }

  #plan(operation: Operation): ReadonlyMap<number, Vertex> {
    const { exec, source, file, merge, diff } = operation.op;
    const inputs = this.#inputsOf(operation);
    if (source) return single(this.#source(operation));
    if (exec) {
      const platform = platformOf(operation.op);
      const foreign = runsNatively(platform) ? undefined : platformText(platform);
      const { vertex, outputs } = planExec(exec, {
        request: this.#place.request,
        platform: foreign,
        ...inputs,
      });
      return outputs.size === 0 ? single(vertex) : outputs;
    }
    if (file) return planFileActions(file.actions, { inputs: operation.inputs.length, ...inputs });
    if (merge) {
      const [parent = SCRATCH, ...above] = merge.inputs.map(({ input }) => inputs.vertex(input));
      return single({ kind: 'merge', parent, above });
    }
    if (diff) {
      const [lower, upper] = [diff.lower?.input, diff.upper?.input].map((input = NONE) =>
        inputs.vertex(input),
      );
      return single({ kind: 'diff', parent: SCRATCH, lower: lower ?? SCRATCH, upper: upper ?? SCRATCH });
    }
    throw notDone(operation);
  }

  #inputsOf({ inputs, name }: Operation) {
    const at = (input: number): Output | undefined => {
      if (input === NONE) return undefined;
      const output = inputs[input];
      if (!output) throw new EngineError('invalid', `Cannot solve graph: ${name} has no input ${input}`);
      return output;
    };
    return {
      vertex: (input: number): Vertex => {
        const output = at(input);
        return output ? this.vertex(output) : SCRATCH;
      },
      files: (input: number): FileSource => {
        const output = at(input);
        return output ? this.#files(output) : SCRATCH;
      },
    };
  }

  /** Files that no vertex has made are copied where they have to be a file system. */
  #source(operation: Operation): Vertex {
    const source = this.#place.sources.get(operation);
    if (!source) throw notDone(operation);
    if (source.kind !== 'local' && source.kind !== 'git' && source.kind !== 'http') return source;
    return { kind: 'copy', parent: SCRATCH, files: [{ source, paths: ['/'] }], destination: '/' };
  }
}

function single(vertex: Vertex): ReadonlyMap<number, Vertex> {
  return new Map([[0, vertex]]);
}

export function platformOf({ platform }: Op): Platform {
  return platformFor(platform);
}

/** This machine's, where a client says nothing. */
export function platformFor(platform: Op['platform']): Platform {
  if (!platform || platform.OS === '') return hostPlatform();
  const { OS: os, Architecture: architecture, Variant: variant } = platform;
  return { os, architecture, ...(variant !== '' && { variant }) };
}

function notDone({ op, name }: Operation): EngineError {
  const what = op.build ? 'graphs that are made by a program in another (BuildOp)' : `the operation ${name}`;
  return new EngineError('not-implemented', `Cannot solve graph: ${what}: not supported`);
}
