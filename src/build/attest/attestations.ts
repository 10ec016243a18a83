/** What is claimed about results, as the client asked for it. */
import { EngineError, isEngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { hostPlatform } from '#oci/platform.ts';
import type { BaseImage } from '../bases/base-image.ts';
import type { Solver } from '../solve/solver.ts';
import type { BuildRequest } from '../build.ts';
import type { FilesOrigin, RemoteFiles } from '../definition/vertex.ts';
import { OutputAttributes } from '../export/attributes.ts';
import type { Attestation, BuildOutcome, BuiltImage } from '../export/outcome.ts';
import type { PlatformPlan } from '../plan/plan-platforms.ts';
import { materialOf, materialsOf, plannedOrigin, type UsedImage } from './materials.ts';
import { provenanceOf, type ProvenanceOptions } from './provenance.ts';
import { claimPackages, sbomOptions, type SbomParts } from './sbom.ts';
import type { ScannerImage } from './scanner-image.ts';
import { remoteSources } from './vertex-sources.ts';

export interface AttestOptions extends SbomParts {
  /** One for each image of the outcome, in the same order. */
  readonly plans: readonly PlatformPlan[];
  readonly images: readonly UsedImage[];
  readonly startedAtMs: number;
}

/** What is asked for. @throws {EngineError} `invalid` */
export function checkAttestations({ attestations = {} }: BuildRequest): void {
  for (const type of Object.keys(attestations))
    if (type !== 'provenance' && type !== 'sbom')
      throw new EngineError('invalid', `unknown attestation type ${JSON.stringify(type)}`);
  provenanceOptions(attestations);
  sbomOptions(attestations);
}

export function asksForPackages({ attestations = {} }: BuildRequest): boolean {
  return sbomOptions(attestations) !== undefined;
}

/**
 * The image that is to list packages, before anything is built; undefined: this engine does it itself.
 *
 * @throws {EngineError} what looking for the image says
 */
export async function findScanner(
  { attestations = {} }: BuildRequest,
  resolve: (image: BaseImage) => Promise<ImageRecord>,
): Promise<ScannerImage | undefined> {
  const { generator: name, parameters = {} } = sbomOptions(attestations) ?? {};
  if (name === undefined) return undefined;
  try {
    return { name, parameters, record: await resolve({ name, platform: hostPlatform() }) };
  } catch (error) {
    if (!isEngineError(error) || error.code === 'aborted') throw error;
    throw new EngineError(error.code, `Cannot list packages with ${name}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The outcome with what is claimed about each of its images. */
export async function attest(outcome: BuildOutcome, options: AttestOptions): Promise<BuildOutcome> {
  const { attestations = {} } = options.request;
  const provenance = provenanceOptions(attestations);
  const sbom = sbomOptions(attestations);
  if (!provenance && !sbom) return outcome;
  const images: BuiltImage[] = [];
  for (const [index, image] of outcome.images.entries()) {
    const planned = options.plans[index];
    const claims: Attestation[] = [];
    if (sbom && planned)
      claims.push(...(await claimPackages(image, outcome, planned.plan, { ...options, ...sbom })));
    if (provenance && planned) claims.push(await claimProvenance(options, planned, provenance));
    checkFileNames(claims);
    images.push({ ...image, attestations: [...image.attestations, ...claims] });
  }
  return { ...outcome, images };
}

/** Where the result is a tree, they are files side by side, each of another name. @throws {EngineError} `invalid` */
function checkFileNames(claims: readonly Attestation[]): void {
  const names = claims.map(({ fileName }) => fileName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new EngineError('invalid', `Cannot attach attestations: two are called ${JSON.stringify(twice)}`);
}

type Wishes = NonNullable<BuildRequest['attestations']>;

function provenanceOptions({ provenance }: Wishes): ProvenanceOptions | undefined {
  if (!provenance) return undefined;
  const attributes = new OutputAttributes({ type: 'provenance', attributes: provenance });
  if (attributes.flag('disabled')) return undefined;
  return {
    mode: attributes.choice('mode', ['min', 'max', 'full']) === 'min' ? 'min' : 'max',
    version: attributes.choice('version', ['v0.2', 'v1']) ?? 'v0.2',
    builderId: attributes.text('builder-id') ?? '',
    fileName: attributes.text('filename') ?? 'provenance.json',
    inlineOnly: attributes.flag('inline-only') ?? false,
    reproducible: attributes.flag('reproducible') ?? false,
  };
}

async function claimProvenance(
  { request, images, solver, startedAtMs }: AttestOptions,
  { plan, platform }: PlatformPlan,
  options: ProvenanceOptions,
): Promise<Attestation> {
  const { vertex } = plan.result;
  const origins = await Promise.all([...remoteSources([vertex])].map((source) => originOf(solver, source)));
  const [context] = [...plan.contexts].flatMap(([files, name]) => (name === 'context' ? [files] : []));
  const contextOrigin = context?.origin;
  return provenanceOf(
    {
      request,
      plan,
      platform,
      images,
      materials: materialsOf(images, contextOrigin ? [...origins, contextOrigin] : origins),
      ...(contextOrigin && { contextMaterial: materialOf(contextOrigin) }),
      locals: localNames(request),
      buildId: newId(),
      startedAtMs,
      finishedAtMs: Date.now(),
    },
    options,
  );
}

async function originOf(solver: Solver, source: RemoteFiles): Promise<FilesOrigin> {
  const fetched = await solver.fetched(source);
  return fetched?.origin ?? plannedOrigin(source);
}

/** The client's directories that the build reads from. */
function localNames({
  context,
  namedContexts = {},
  dockerfileSource,
  graph,
}: BuildRequest): readonly string[] {
  if (graph) return [];
  const named = Object.entries(namedContexts).flatMap(([name, { kind }]) =>
    kind === 'session' ? [name] : [],
  );
  const isRemote = context.kind === 'remote' || context.kind === 'layers';
  const own = isRemote ? [] : ['context'];
  const dockerfile = isRemote && !dockerfileSource ? [] : ['dockerfile'];
  return [...own, ...dockerfile, ...named].toSorted();
}
