/** Results of builds, as clients name them: to look into them, to return them, and as inputs of other builds. */
import { createHash, randomUUID } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { BuiltImage } from '#build/export/outcome.ts';
import type { SolveBridge } from '#build/build.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeImageConfig } from '#oci/image-config.ts';
import type { Reference } from '#wire/buildkit/gateway.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import { type Definition, type DefinitionInput, Op } from '#wire/buildkit/ops.ts';
import type { ActiveBuild } from './active-build.ts';

/** What graphs of others name a result by; nothing that can be had elsewhere. */
const SCHEME = 'caisson-result://';

export interface BuildResult {
  readonly build: ActiveBuild;
  readonly bridge: SolveBridge;
  /** Among the images of the build. */
  readonly number: number;
}

export class BuildResults {
  readonly #results = new Map<string, BuildResult>();

  /**
   * As long as the client is there.
   *
   * @param graph of the client's, which says what it is as well
   * @returns what the client knows the result by
   */
  add(result: BuildResult, connection: AbortSignal, graph?: Definition): InputOf<typeof Reference> {
    const id = randomUUID();
    this.#results.set(id, result);
    connection.addEventListener('abort', () => this.#results.delete(id));
    return { id, def: graph ? asGiven(graph) : definitionOf(id) };
  }

  /** @throws {EngineError} `invalid`, with BuildKit's words */
  get(id: string): BuildResult {
    const result = this.#results.get(id);
    if (!result) throw new EngineError('invalid', id === '' ? 'empty ref' : `no such ref: ${id}`);
    return result;
  }

  /** Built if it is not yet. @throws {EngineError} what the build fails with */
  async image(id: string): Promise<BuiltImage> {
    const { build, bridge, number } = this.get(id);
    const image = (await build.solve(bridge)).images[number];
    if (!image) throw new EngineError('internal', `Cannot find image ${number} of a build`);
    return image;
  }

  /**
   * The results that graphs of a client name.
   *
   * @throws {EngineError} `invalid` for one that is not known, and what building it fails with
   */
  async imagesIn(definitions: Iterable<Definition | undefined>): Promise<ReadonlyMap<string, ImageRecord>> {
    const references = [...definitions].flatMap((definition) => identifiersIn(definition).filter(isResult));
    const found = [...new Set(references)].map(
      async (reference) => [reference, await this.#record(reference)] as const,
    );
    return new Map(await Promise.all(found));
  }

  async #record(reference: string): Promise<ImageRecord> {
    return this.recordOf(await this.image(reference.slice(SCHEME.length)));
  }

  /** An image that is stored nowhere. */
  recordOf(image: BuiltImage | undefined): ImageRecord {
    if (!image) throw new EngineError('internal', 'Cannot use result of a build: it has no image');
    const { config, layers } = image;
    return { id: digestOf(encodeImageConfig(config)), config, layers };
  }
}

/** What the sources of a graph are. */
function identifiersIn(definition: Pick<Definition, 'def'> | undefined): readonly string[] {
  return definition?.def.flatMap((op) => Op.decode(op).source?.identifier ?? []) ?? [];
}

/** The result that a graph is, if it is nothing but that. */
export function resultOf(definition: Definition | undefined): string | undefined {
  const [only, ...others] = definition?.def ?? [];
  const [identifier] = others.length === 1 && only ? identifiersIn({ def: [only] }) : [];
  return identifier !== undefined && isResult(identifier) ? identifier : undefined;
}

function isResult(identifier: string): boolean {
  return identifier.startsWith(SCHEME);
}

/** A message as it was read, to be written again. */
export function asGiven({ def, metadata }: Definition): DefinitionInput {
  const described = [...metadata].map(([digest, known]) => {
    const { ignoreCache = false, description = new Map<string, string>() } = known ?? {};
    return [digest, { ignoreCache, description: Object.fromEntries(description) }] as const;
  });
  return { def, metadata: Object.fromEntries(described) };
}

/** The last operation of a graph stands for its output. Clients want metadata of each, whatever it says. */
function definitionOf(id: string): DefinitionInput {
  const source = Op.encode({ source: { identifier: `${SCHEME}${id}` } });
  const output = Op.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  return { def: [source, output], metadata: { [digestOf(source)]: {}, [digestOf(output)]: {} } };
}

function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
