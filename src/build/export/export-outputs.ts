/** Where the result of a build goes. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { Lease } from '#store/content.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import type { ImageSink } from '../neighbours.ts';
import type { Packing } from './pack/packing.ts';
import type { ProgressTask } from '../progress/build-progress.ts';
import type { BuildOutput, BuildRequest } from '../build.ts';
import type { FileTree } from '../session/build-session.ts';
import type { FinishOptions } from './finish-image.ts';
import { parseAnnotations } from './annotations.ts';
import { OutputAttributes } from './attributes.ts';
import { compressionOf } from './pack/compression.ts';
import { exportImage } from './export-image.ts';
import { exportFiles } from './export-files.ts';
import { exportLayout } from './export-layout.ts';
import type { BuildOutcome } from './outcome.ts';
import { parseEpoch } from './source-date-epoch.ts';

/** Where results go, and what they are made ready with. */
export interface ExportWork {
  readonly images: ImageSink;
  readonly packing: Packing;
  readonly trees: Pick<LayerTrees, 'open'>;
}

/** What exporters work with, beside their own attributes. */
export interface ExportPlace {
  readonly work: ExportWork;
  readonly request: BuildRequest;
  readonly outcome: BuildOutcome;
  /** Protects what is exported while it is. */
  readonly lease: Lease;
  readonly inlineCache?: FinishOptions['inlineCache'];
}

export interface OneExport extends ExportPlace {
  /** Counted from 0: by it the client knows where a file or tree goes. */
  readonly number: number;
  readonly output: BuildOutput;
  readonly attributes: OutputAttributes;
  readonly task: ProgressTask;
}

/** What an exporter has done. */
export interface Exported {
  /** The stored image's; of several platforms the one that the names mean. */
  readonly id?: Digest;
  readonly references: readonly string[];
  readonly response: Readonly<Record<string, string>>;
}

/** Runs an exporter as a task that clients see. */
export type RunTask = <T>(name: string, work: (task: ProgressTask) => Promise<T>) => Promise<T>;

const TITLES: Readonly<Record<BuildOutput['type'], string>> = {
  image: 'exporting to image',
  registry: 'exporting to image',
  local: 'exporting to client directory',
  tar: 'exporting to client tarball',
  oci: 'exporting to oci image format',
  docker: 'exporting to docker image format',
  cacheonly: 'exporting cache only',
};

/**
 * All outputs, one after the other; without any, the image is stored.
 *
 * @throws {EngineError} `invalid` for attributes that make no sense, before anything is exported; what registries and
 *   the client say
 */
export async function exportOutputs(place: ExportPlace, during: RunTask): Promise<Exported> {
  const { outputs = [] } = place.request;
  const wanted = outputs.length === 0 ? [{ type: 'image', attributes: {} } as const] : outputs;
  let all: Exported = { references: [], response: {} };
  for (const [number, output] of wanted.entries()) {
    if (output.type === 'cacheonly') continue;
    const attributes = new OutputAttributes(output);
    const exported = await during(TITLES[output.type], (task) =>
      exportOne({ ...place, number, output, attributes, task }),
    );
    all = {
      ...all,
      ...exported,
      references: [...all.references, ...exported.references],
      response: { ...all.response, ...exported.response },
    };
  }
  return all;
}

async function exportOne(one: OneExport): Promise<Exported> {
  switch (one.output.type) {
    case 'local':
    case 'tar':
      return await exportFiles(one);
    case 'oci':
    case 'docker':
      return await exportLayout(one);
    default:
      return await exportImage(one);
  }
}

const FLAGS = [
  'push',
  'push-by-digest',
  'store',
  'registry.insecure',
  'oci-mediatypes',
  'rewrite-timestamp',
  'force-compression',
  'attestation-inline',
  'platform-split',
  'tar',
];

/**
 * Before anything is built for nothing.
 *
 * @throws {EngineError} `invalid` for names, attributes and a `SOURCE_DATE_EPOCH` that cannot be
 */
export function checkOutputs({ outputs = [], references, buildArgs }: BuildRequest): void {
  parseEpoch(buildArgs['SOURCE_DATE_EPOCH']);
  for (const text of references) parseReference(text);
  for (const output of outputs) {
    const attributes = new OutputAttributes(output);
    for (const name of FLAGS) attributes.flag(name);
    attributes.integer('source-date-epoch');
    compressionOf(attributes);
    parseAnnotations(attributes);
    parseNames(attributes.text('name')?.split(',') ?? []);
  }
}

/** The names of an image that is exported: the output's own, else the request's. @throws {EngineError} `invalid` */
export function namesOf({ request, attributes }: OneExport): readonly Reference[] {
  const own = attributes.text('name');
  const texts = own === undefined || own === '*' ? request.references : own.split(',');
  return parseNames(texts);
}

function parseNames(texts: readonly string[]): readonly Reference[] {
  const names = texts
    .map((text) => text.trim())
    .filter((text) => text !== '' && text !== '*')
    .map((text) => withDefaultTag(parseReference(text)));
  return [...new Map(names.map((name) => [familiarReference(name), name])).values()];
}

/** Sends a file to the client, and tells how much of it, as a movement of this name. */
export async function sendFile(one: OneExport, id: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { request, number, output } = one;
  await moving(one, id, async (counted) => {
    const file = await clientOf(one).openFile(number, output.attributes, request.signal);
    const source = Readable.from(counted(chunks), { objectMode: false, highWaterMark: 1 << 18 });
    await pipeline(source, file, { signal: request.signal });
  });
}

/** The same of a tree, of which the client may have files already. */
export async function sendTree(one: OneExport, id: string, tree: FileTree): Promise<void> {
  await moving(one, id, async (counted) => {
    const contents: FileTree['contents'] = (entry) =>
      Readable.from(counted(tree.contents(entry)), { objectMode: false });
    await clientOf(one).sendTree(one.number, { entries: () => tree.entries(), contents }, one.request.signal);
  });
}

const REPORTED_BYTES = 1 << 20;

/** @param work counts what goes through */
async function moving(
  { task }: OneExport,
  id: string,
  work: (counted: (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void>) => Promise<void>,
): Promise<void> {
  let current = 0;
  let reported = 0;
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of chunks) {
      current += chunk.length;
      if (current - reported >= REPORTED_BYTES) {
        reported = current;
        task.moves({ id, current });
      }
      yield chunk;
    }
  }
  task.moves({ id });
  await work(counted);
  task.moves({ id, current, isDone: true });
}

function clientOf({ request: { session }, output }: OneExport): NonNullable<BuildRequest['session']> {
  if (session) return session;
  throw new EngineError(
    'invalid',
    `Cannot export as ${output.type}: the client has no session to receive files through`,
  );
}

/** The client's, or one of this output alone. */
export function epochOf({ attributes, outcome }: OneExport): number | undefined {
  const own = attributes.integer('source-date-epoch');
  return own ?? outcome.epoch;
}
