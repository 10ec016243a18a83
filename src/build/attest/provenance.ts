/** How a result was made: SLSA provenance (slsa.dev), versions 0.2 and 1, with BuildKit's build types. */
import type { Platform } from '#oci/platform.ts';
import { formatDate } from '#base/timestamps.ts';
import type { BuildRequest } from '../build.ts';
import type { Attestation } from '../export/outcome.ts';
import type { Plan } from '../plan/plan.ts';
import { verticesBelow } from '../definition/vertex-inputs.ts';
import { buildDefinition, type BuildDefinition } from './build-definition.ts';
import type { Material, UsedImage } from './materials.ts';
import { builderPlatform, hasPrivateAttributes, requestParameters } from './request-parameters.ts';

const BUILD_TYPE_V02 = 'https://mobyproject.org/buildkit@v1';
const BUILD_TYPE_V1 = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';

export interface ProvenanceFacts {
  readonly request: BuildRequest;
  readonly plan: Plan;
  readonly platform: Platform;
  readonly images: readonly UsedImage[];
  readonly materials: readonly Material[];
  /** What the context was fetched from; absent: the client has it. */
  readonly contextMaterial?: Material;
  /** The client's directories that were taken from. */
  readonly locals: readonly string[];
  readonly buildId: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

export interface ProvenanceOptions {
  /** `max` tells arguments, ids of secrets, the Dockerfile and its steps, too. */
  readonly mode: 'min' | 'max';
  readonly version: 'v0.2' | 'v1';
  readonly builderId: string;
  readonly fileName: string;
  readonly inlineOnly: boolean;
  /** The client says so. */
  readonly reproducible: boolean;
}

export function provenanceOf(facts: ProvenanceFacts, options: ProvenanceOptions): Attestation {
  const { fileName, inlineOnly, version } = options;
  const common = { kind: 'provenance', fileName, inlineOnly } as const;
  const claims = claimsOf(facts, options);
  return version === 'v1'
    ? { ...common, predicateType: 'https://slsa.dev/provenance/v1', predicate: predicateV1(facts, claims) }
    : {
        ...common,
        predicateType: 'https://slsa.dev/provenance/v0.2',
        predicate: predicateV02(facts, claims),
      };
}

/** What both versions say, each in its own words. */
interface Claims {
  readonly builderId: string;
  readonly parameters: object;
  readonly buildConfig?: object;
  readonly metadata: object;
  readonly hasAllParameters: boolean;
  readonly hasAllMaterials: boolean;
  /** Nothing but the materials can have been taken from elsewhere. */
  readonly isHermetic: boolean;
  readonly reproducible: boolean;
}

function claimsOf(facts: ProvenanceFacts, { mode, builderId, reproducible }: ProvenanceOptions): Claims {
  const { request, plan, locals, materials } = facts;
  const isMax = mode === 'max';
  const hasAllMaterials = locals.length === 0 && materials.every(({ digest }) => digest !== undefined);
  const definition = isMax ? buildDefinition(facts) : undefined;
  return {
    builderId,
    parameters: requestParameters(request, plan.result.vertex, locals, mode),
    ...(definition && { buildConfig: { llbDefinition: definition.steps } }),
    metadata: definition && plan.source.name !== '' ? { source: sourceOf(plan, definition) } : {},
    hasAllParameters: isMax || !hasPrivateAttributes(request),
    hasAllMaterials,
    isHermetic: hasAllMaterials && !usesNetwork(plan),
    reproducible,
  };
}

function usesNetwork({ result }: Plan): boolean {
  for (const vertex of verticesBelow([result.vertex]))
    if (vertex.kind === 'exec' && vertex.settings.network.kind !== 'none') return true;
  return false;
}

function predicateV02(facts: ProvenanceFacts, claims: Claims): object {
  const { request, materials, contextMaterial, buildId, startedAtMs, finishedAtMs } = facts;
  const { parameters, buildConfig, metadata, hasAllParameters, hasAllMaterials, isHermetic } = claims;
  return {
    builder: { id: claims.builderId },
    buildType: BUILD_TYPE_V02,
    ...(materials.length > 0 && { materials }),
    invocation: {
      configSource: request.graph ? {} : { ...contextMaterial, entryPoint: request.dockerfile },
      parameters,
      environment: { platform: builderPlatform() },
    },
    ...(buildConfig && { buildConfig }),
    metadata: {
      buildInvocationID: buildId,
      buildStartedOn: formatDate(startedAtMs),
      buildFinishedOn: formatDate(finishedAtMs),
      completeness: { parameters: hasAllParameters, environment: true, materials: hasAllMaterials },
      reproducible: claims.reproducible,
      [`${BUILD_TYPE_V02}#metadata`]: metadata,
      ...(isHermetic && { [`${BUILD_TYPE_V02}#hermetic`]: true }),
    },
  };
}

function predicateV1(facts: ProvenanceFacts, claims: Claims): object {
  const { request, materials, contextMaterial, buildId, startedAtMs, finishedAtMs } = facts;
  const { parameters, buildConfig, metadata, hasAllParameters, hasAllMaterials, isHermetic } = claims;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE_V1,
      externalParameters: {
        configSource: request.graph ? {} : { ...contextMaterial, path: request.dockerfile },
        request: parameters,
      },
      internalParameters: { ...(buildConfig && { buildConfig }), builderPlatform: builderPlatform() },
      ...(materials.length > 0 && { resolvedDependencies: materials }),
    },
    runDetails: {
      builder: { id: claims.builderId },
      metadata: {
        invocationId: buildId,
        startedOn: formatDate(startedAtMs),
        finishedOn: formatDate(finishedAtMs),
        buildkit_metadata: metadata,
        ...(isHermetic && { buildkit_hermetic: true }),
        buildkit_completeness: { request: hasAllParameters, resolvedDependencies: hasAllMaterials },
        ...(claims.reproducible && { buildkit_reproducible: true }),
      },
    },
  };
}

function sourceOf({ source }: Plan, { locations }: BuildDefinition): object {
  const data = Buffer.from(source.text).toString('base64');
  return { locations, infos: [{ filename: source.name, language: 'Dockerfile', data }] };
}
