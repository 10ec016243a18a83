/** Results of builds as inputs of others: `docker buildx bake` with contexts of the kind `target:`. */
import { createHash, randomUUID } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { BuildRequest, Builds, NamedContext } from '#build/build.ts';
import type { ImageStore } from '#image/image.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { Definition, Op } from '#wire/buildkit/gateway.ts';
import type { InputOf, MessageOf } from '#wire/buildkit/message.ts';

/** What builds of others name a result by; nothing that can be had elsewhere. */
const SCHEME = 'caisson-result://';

interface BuildResult {
  readonly request: BuildRequest;
  /** Absent: it went elsewhere. */
  readonly image: Digest | undefined;
}

interface Engine {
  readonly builds: Builds;
  readonly images: ImageStore;
}

export class BuildResults {
  readonly #results = new Map<string, BuildResult>();
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** As long as the client is there. @returns what the client knows the result by */
  add(
    result: BuildResult,
    connection: AbortSignal,
  ): { readonly id: string; readonly def: InputOf<typeof Definition> } {
    const id = randomUUID();
    this.#results.set(id, result);
    connection.addEventListener('abort', () => this.#results.delete(id));
    return { id, def: definitionOf(id) };
  }

  /**
   * The inputs of a build as images, by their names; those that are made for it alone go when it is disposed.
   *
   * @throws {EngineError} `invalid` for what is no result of a build here
   */
  async open(
    inputs: ReadonlyMap<string, MessageOf<typeof Definition> | undefined>,
    signal: AbortSignal,
  ): Promise<OpenInputs> {
    await using made = new AsyncDisposableStack();
    const contexts = new Map<string, NamedContext>();
    for (const [name, definition] of inputs) {
      const { request, image } = this.#find(name, definition);
      const id = image ?? (await this.#make(request, signal));
      if (image === undefined) made.defer(() => this.#remove(id));
      contexts.set(name, { kind: 'image', reference: id });
    }
    const kept = made.move();
    return { contexts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }

  #find(name: string, definition: MessageOf<typeof Definition> | undefined): BuildResult {
    const identifiers = definition?.def.map((op) => Op.decode(op).source?.identifier ?? '') ?? [];
    const own = identifiers.find((identifier) => identifier.startsWith(SCHEME));
    const result = this.#results.get(own?.slice(SCHEME.length) ?? '');
    if (!result) throw new EngineError('invalid', `Cannot use input ${name}: it is no result of a build`);
    return result;
  }

  /** All of it is in the cache. */
  async #make(request: BuildRequest, signal: AbortSignal): Promise<Digest> {
    const outputs = [{ type: 'image', attributes: {} }] as const;
    const again = {
      ...request,
      outputs,
      references: [],
      noCache: false,
      noCacheStages: [],
      cacheTo: [],
      signal,
    };
    for await (const event of this.#engine.builds.build({ ...again, tell: 'graph' }))
      if (event.type === 'built' && event.id !== undefined) return event.id;
    throw new EngineError('internal', 'Cannot make image of a build: it has none');
  }

  /** Unless somebody has given it a name meanwhile. */
  async #remove(id: Digest): Promise<void> {
    const { RepoTags } = await this.#engine.images.inspect(id);
    if (RepoTags.length === 0) await this.#engine.images.remove(id, { force: false, prune: false });
  }
}

export interface OpenInputs extends AsyncDisposable {
  readonly contexts: ReadonlyMap<string, NamedContext>;
}

/** The last operation of a graph stands for its output. */
function definitionOf(id: string): InputOf<typeof Definition> {
  const source = Op.encode({ source: { identifier: `${SCHEME}${id}` } });
  const output = Op.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  return { def: [source, output], metadata: { [digestOf(source)]: {}, [digestOf(output)]: {} } };
}

function digestOf(operation: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(operation).digest('hex')}`);
}
