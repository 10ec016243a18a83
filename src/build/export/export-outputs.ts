/** Where the result of a build goes. */
import { unreachable } from '#base/unreachable.ts';
import { parseReference } from '#oci/reference.ts';
import type { BuildOutput, BuildRequest } from '../build.ts';
import { parseAnnotations } from './annotations.ts';
import { OutputAttributes } from './attributes.ts';
import { exportFiles } from './export-files.ts';
import { exportImage } from './export-image.ts';
import { exportLayout } from './export-layout.ts';
import { type Exported, type ExportPlace, type OneExport, parseNames, type RunTask } from './one-export.ts';
import { compressionOf } from './pack/compression.ts';
import { parseEpoch } from './source-date-epoch.ts';

const NOTHING_EXPORTED: Exported = { references: [], response: {} };

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
  let all = NOTHING_EXPORTED;
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
    case 'image':
    case 'registry':
      return await exportImage(one);
    case 'cacheonly':
      return NOTHING_EXPORTED;
    default:
      return unreachable(one.output.type);
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
 * Checks the outputs before anything is built.
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
