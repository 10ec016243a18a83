/** Results of builds, as clients name them: to look into them, to return them, and as inputs of other builds. */
import { createHash, randomUUID } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { NamedContext } from '#build/build.ts';
import type { BuiltImage } from '#build/export/outcome.ts';
import type { HeldBuild } from '#build/held-build.ts';
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
  readonly held: HeldBuild;
  /** Among the images of the build. */
  readonly number: number;
}

/** What builds are given of others. */
export interface BuildInputs {
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /** By the names that the contexts have for them. */
  readonly images: ReadonlyMap<string, ImageRecord>;
}

export class BuildResults {
  readonly #results = new Map<string, BuildResult>();

  /** As long as the client is there. @returns what the client knows the result by */
  add(result: BuildResult, connection: AbortSignal): InputOf<typeof Reference> {
    const id = randomUUID();
    this.#results.set(id, result);
    connection.addEventListener('abort', () => this.#results.delete(id));
    return { id, def: definitionOf(id) };
  }

  /** @throws {EngineError} `invalid`, with BuildKit's words */
  get(id: string): BuildResult {
    const result = this.#results.get(id);
    if (!result) throw new EngineError('invalid', id === '' ? 'empty ref' : `no such ref: ${id}`);
    return result;
  }

  /** Built if it is not yet. @throws {EngineError} what the build fails with */
  async image(id: string): Promise<BuiltImage> {
    const { build, held, number } = this.get(id);
    const image = (await build.solve(held)).images[number];
    if (!image) throw new EngineError('internal', `Cannot find image ${number} of a build`);
    return image;
  }

  /** @throws {EngineError} `invalid` for what is no result of a build here */
  async inputs(definitions: ReadonlyMap<string, Definition | undefined>): Promise<BuildInputs> {
    const found = await Promise.all(
      [...definitions].map(async ([name, definition]) => {
        const reference = resultIn(definition);
        if (reference === undefined)
          throw new EngineError('invalid', `Cannot use input ${name}: it is no result of a build`);
        return { name, reference, record: await this.#record(reference) };
      }),
    );
    return {
      contexts: new Map(found.map(({ name, reference }) => [name, { kind: 'image', reference }])),
      images: new Map(found.map(({ reference, record }) => [reference, record])),
    };
  }

  async #record(reference: string): Promise<ImageRecord> {
    const { config, layers } = await this.image(reference.slice(SCHEME.length));
    return { id: digestOf(encodeImageConfig(config)), config, layers };
  }
}

function resultIn(definition: Definition | undefined): string | undefined {
  const identifiers = definition?.def.map((op) => Op.decode(op).source?.identifier ?? '') ?? [];
  return identifiers.find((identifier) => identifier.startsWith(SCHEME));
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
