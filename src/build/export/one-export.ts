/** One output of a build, and what every exporter needs of it. */
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { Digest } from '#oci/digest.ts';
import type { Lease } from '#store/content.ts';
import type { BuildOutput, BuildRequest } from '../build.ts';
import type { ImageSink } from '../dependencies.ts';
import type { ProgressTask } from '../progress/build-progress.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import type { OutputAttributes } from './attributes.ts';
import type { FinishOptions } from './finish-image.ts';
import type { BuildOutcome } from './outcome.ts';
import type { Packing } from './pack/packing.ts';

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

/** The names of an image that is exported: the output's own, else the request's. @throws {EngineError} `invalid` */
export function namesOf({ request, attributes }: OneExport): readonly Reference[] {
  const own = attributes.text('name');
  const texts = own === undefined || own === '*' ? request.references : own.split(',');
  return parseNames(texts);
}

/** Each once, with a tag. @throws {EngineError} `invalid` */
export function parseNames(texts: readonly string[]): readonly Reference[] {
  const names = texts
    .map((text) => text.trim())
    .filter((text) => text !== '' && text !== '*')
    .map((text) => withDefaultTag(parseReference(text)));
  return [...new Map(names.map((name) => [familiarReference(name), name])).values()];
}

/** The `SOURCE_DATE_EPOCH` of this output, else the client's. */
export function epochOf({ attributes, outcome }: OneExport): number | undefined {
  const own = attributes.integer('source-date-epoch');
  return own ?? outcome.epoch;
}
