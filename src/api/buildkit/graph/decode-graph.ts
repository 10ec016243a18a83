import { createHash } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { StepPlace } from '#build/build.ts';
import type { Graph, GraphOperation, GraphOutput } from '#build/graph/graph.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { type Definition, Op } from '#wire/buildkit/ops.ts';
import { decodeOperation } from './decode-operation.ts';
import { operationName } from './operation-name.ts';

/** More than any program writes by hand, and few enough to be bridge. */
const MAXIMUM_OPERATIONS = 20_000;
/** How many operations may stand on each other. */
const MAXIMUM_DEPTH = 1000;
const CUSTOM_NAME = 'llb.customname';

/**
 * Verifies a definition and decodes it. What the result does not need is left out.
 *
 * @throws {EngineError} `invalid` for what is damaged or incomplete, with BuildKit's words where it has some
 */
export function decodeGraph(definition: Definition): Graph {
  const { def } = definition;
  if (def.length === 0) return { operations: [], result: undefined };
  if (def.length < 2) throw refusal(`invalid LLB with ${def.length} vertexes`);
  if (def.length > MAXIMUM_OPERATIONS)
    throw refusal(`it has ${def.length} operations, and at most ${MAXIMUM_OPERATIONS} are taken`);
  const messages = new Map(def.map((bytes) => [digestOf(bytes), decode(bytes)]));
  const last = messages.get(digestOf(def.at(-1) ?? new Uint8Array(0)));
  const [result] = last?.inputs ?? [];
  if (!result) throw refusal('invalid LLB with no inputs on last vertex');
  const reader = new GraphReader(messages, definition);
  return { result: reader.output(result), operations: reader.operations };
}

class GraphReader {
  readonly #messages: ReadonlyMap<string, Op>;
  readonly #definition: Definition;
  readonly #read = new Map<string, GraphOperation>();
  readonly #depths = new Map<GraphOperation, number>();

  constructor(messages: ReadonlyMap<string, Op>, definition: Definition) {
    this.#messages = messages;
    this.#definition = definition;
  }

  get operations(): readonly GraphOperation[] {
    return [...this.#read.values()];
  }

  /** Decodes an output with all that it needs; a chain may be longer than the stack is deep. */
  output({ digest, index }: Op['inputs'][number]): GraphOutput {
    const todo = [digest];
    for (let next = todo.at(-1); next !== undefined; next = todo.at(-1)) {
      const missing = this.#message(next).inputs.filter((input) => !this.#read.has(input.digest));
      if (missing.length > 0 && !this.#read.has(next)) todo.push(...missing.map((input) => input.digest));
      else {
        todo.pop();
        this.#add(next);
      }
    }
    return this.#outputOf({ digest, index });
  }

  #add(digest: string): void {
    if (this.#read.has(digest)) return;
    const op = this.#message(digest);
    const inputs = op.inputs.map((input) => this.#outputOf(input));
    const metadata = this.#definition.metadata.get(digest);
    const place = this.#placeOf(digest);
    const operation: GraphOperation = {
      digest: parseDigest(digest),
      ...decodeOperation(op),
      inputs,
      name: metadata?.description.get(CUSTOM_NAME) ?? operationName(op, inputs),
      isFresh: metadata?.ignoreCache === true,
      ...(place && { place }),
    };
    const depth = 1 + Math.max(0, ...inputs.map((input) => this.#depths.get(input.operation) ?? 0));
    if (depth > MAXIMUM_DEPTH)
      throw refusal(`more than ${MAXIMUM_DEPTH} of its operations stand on each other`);
    this.#read.set(digest, operation);
    this.#depths.set(operation, depth);
  }

  #message(digest: string): Op {
    const op = this.#messages.get(digest);
    if (!op) throw refusal(`invalid missing input digest ${digest}`);
    return op;
  }

  #outputOf({ digest, index }: Op['inputs'][number]): GraphOutput {
    const operation = this.#read.get(digest);
    if (!operation) throw refusal(`invalid missing input digest ${digest}`);
    if (!Number.isSafeInteger(index) || index < 0) throw refusal(`invalid output index ${index}`);
    return { operation, index };
  }

  #placeOf(digest: string): StepPlace | undefined {
    const source = this.#definition.Source;
    const [location] = source?.locations.get(digest)?.locations ?? [];
    const file = location && source?.infos[location.sourceIndex];
    if (!file) return undefined;
    const ranges = location.ranges.map(({ start, end }) => ({ start: position(start), end: position(end) }));
    return { source: { name: file.filename, text: Buffer.from(file.data).toString() }, ranges };
  }
}

/** Lines count from 1 for clients too, characters from 0. */
function position(at: { readonly line: number; readonly character: number } | undefined) {
  return { line: at?.line ?? 0, column: (at?.character ?? 0) + 1 };
}

function decode(bytes: Uint8Array): Op {
  try {
    return Op.decode(bytes);
  } catch (cause) {
    throw new EngineError('invalid', 'Cannot solve graph: failed to parse llb proto op', { cause });
  }
}

function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

function refusal(what: string): EngineError {
  return new EngineError('invalid', `Cannot solve graph: ${what}`);
}
