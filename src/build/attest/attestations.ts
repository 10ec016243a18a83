/** What is claimed about results, as the client asked for it. */
import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { formatDate } from '#wire/timestamps.ts';
import type { BuildParts } from '../build-parts.ts';
import type { BuildRequest } from '../build.ts';
import { formatPlatform } from '../dockerfile/scopes.ts';
import { OutputAttributes } from '../export/attributes.ts';
import type { RunTask } from '../export/export-outputs.ts';
import type { Attestation, BuildOutcome, BuiltImage } from '../export/outcome.ts';
import { openRootTree } from '../export/root-tree.ts';
import type { PlatformPlan } from '../plan-platforms.ts';
import { materialsOf, type UsedImage } from './materials.ts';
import { findPackages } from './packages/find-packages.ts';
import { provenanceOf, type ProvenanceOptions } from './provenance.ts';
import { SPDX_PREDICATE, spdxDocument } from './spdx.ts';

export interface AttestOptions {
  readonly parts: BuildParts;
  readonly request: BuildRequest;
  /** In the order of the outcome's images. */
  readonly plans: readonly PlatformPlan[];
  readonly images: readonly UsedImage[];
  readonly startedAtMs: number;
}

/** What is asked for. @throws {EngineError} `invalid`, `not-implemented` for other scanners than the engine's own */
export function checkAttestations({ attestations = {} }: BuildRequest): void {
  for (const type of Object.keys(attestations))
    if (type !== 'provenance' && type !== 'sbom')
      throw new EngineError('invalid', `unknown attestation type ${JSON.stringify(type)}`);
  provenanceOptions(attestations);
  sbomOptions(attestations);
}

/** The outcome with what is claimed about each of its images. */
export async function attest(
  outcome: BuildOutcome,
  options: AttestOptions,
  during: RunTask,
): Promise<BuildOutcome> {
  const { attestations = {} } = options.request;
  const provenance = provenanceOptions(attestations);
  const sbom = sbomOptions(attestations);
  if (!provenance && !sbom) return outcome;
  const images: BuiltImage[] = [];
  for (const [index, image] of outcome.images.entries()) {
    const claims: Attestation[] = [];
    if (sbom) claims.push(await scan(image, outcome, { ...options, ...sbom }, during));
    const plan = options.plans[index];
    if (provenance && plan) claims.push(claimProvenance(options, plan, provenance));
    images.push({ ...image, attestations: [...image.attestations, ...claims] });
  }
  return { ...outcome, images };
}

type Wishes = NonNullable<BuildRequest['attestations']>;

function provenanceOptions({ provenance }: Wishes): ProvenanceOptions | undefined {
  if (!provenance) return undefined;
  const attributes = new OutputAttributes({ type: 'provenance', attributes: provenance });
  if (attributes.flag('disabled')) return undefined;
  return {
    mode: attributes.choice('mode', ['min', 'max']) ?? 'min',
    version: attributes.choice('version', ['v0.2', 'v1']) ?? 'v0.2',
    builderId: attributes.text('builder-id') ?? '',
    fileName: attributes.text('filename') ?? 'provenance.json',
    inlineOnly: attributes.flag('inline-only') ?? false,
  };
}

interface SbomOptions {
  readonly inlineOnly: boolean;
}

function sbomOptions({ sbom }: Wishes): SbomOptions | undefined {
  if (!sbom) return undefined;
  const attributes = new OutputAttributes({ type: 'sbom', attributes: sbom });
  if (attributes.flag('disabled')) return undefined;
  const generator = attributes.text('generator') ?? '';
  if (generator !== '' && generator !== 'caisson')
    throw new EngineError(
      'not-implemented',
      `Cannot scan with ${generator}: scanners that are images are not run; leave the generator out for the engine's own`,
    );
  return { inlineOnly: attributes.flag('inline-only') ?? false };
}

function claimProvenance(
  { request, images, startedAtMs }: AttestOptions,
  { plan }: PlatformPlan,
  options: ProvenanceOptions,
): Attestation {
  const materials = materialsOf(images, [plan.result.vertex]);
  const facts = { request, plan, materials, buildId: newId(), startedAtMs, finishedAtMs: Date.now() };
  return provenanceOf(facts, options);
}

async function scan(
  image: BuiltImage,
  { isMultiPlatform, epoch }: BuildOutcome,
  { parts, request, inlineOnly }: AttestOptions & SbomOptions,
  during: RunTask,
): Promise<Attestation> {
  const platform = formatPlatform(image.platform);
  const packages = await during(
    `[${isMultiPlatform ? `${platform} ` : ''}sbom] scanning packages`,
    async () => {
      using tree = openRootTree(parts, image.layers, undefined);
      return await findPackages(tree);
    },
  );
  const [name = 'image'] = request.references;
  const created = epoch === undefined ? (image.config.created ?? formatDate(0)) : formatDate(epoch * 1000);
  return {
    kind: 'sbom',
    predicateType: SPDX_PREDICATE,
    predicate: spdxDocument(packages, { name, created }),
    fileName: 'sbom.spdx.json',
    inlineOnly,
  };
}
