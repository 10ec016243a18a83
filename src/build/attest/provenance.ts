/** How a result was made: SLSA provenance (slsa.dev), versions 0.2 and 1, with BuildKit's build type. */
import { formatDate } from '#wire/timestamps.ts';
import type { BuildRequest } from '../build.ts';
import { formatPlatform } from '../dockerfile/scopes.ts';
import type { Attestation } from '../export/outcome.ts';
import { hostPlatform } from '#oci/platform.ts';
import type { Material } from './materials.ts';
import { clientIds } from './vertex-sources.ts';
import type { Plan } from '../plan.ts';

const BUILD_TYPE_V02 = 'https://mobyproject.org/buildkit@v1';
const BUILD_TYPE_V1 = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';

export interface ProvenanceFacts {
  readonly request: BuildRequest;
  readonly plan: Plan;
  readonly materials: readonly Material[];
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
}

export function provenanceOf(facts: ProvenanceFacts, options: ProvenanceOptions): Attestation {
  const { fileName, inlineOnly, version } = options;
  const common = { kind: 'provenance', fileName, inlineOnly } as const;
  return version === 'v1'
    ? { ...common, predicateType: 'https://slsa.dev/provenance/v1', predicate: predicateV1(facts, options) }
    : {
        ...common,
        predicateType: 'https://slsa.dev/provenance/v0.2',
        predicate: predicateV02(facts, options),
      };
}

function predicateV02(facts: ProvenanceFacts, options: ProvenanceOptions): object {
  const { request, materials, buildId, startedAtMs, finishedAtMs } = facts;
  const isMax = options.mode === 'max';
  return {
    builder: { id: options.builderId },
    buildType: BUILD_TYPE_V02,
    materials,
    invocation: {
      configSource: { entryPoint: request.dockerfile },
      parameters: parametersOf(facts, options),
      environment: { platform: formatPlatform(hostPlatform()) },
    },
    ...(isMax && { buildConfig: buildConfigOf(facts) }),
    metadata: {
      buildInvocationID: buildId,
      buildStartedOn: formatDate(startedAtMs),
      buildFinishedOn: formatDate(finishedAtMs),
      completeness: { parameters: isMax, environment: true, materials: false },
      reproducible: false,
      ...(isMax && { 'https://mobyproject.org/buildkit@v1#metadata': { source: sourceOf(facts) } }),
    },
  };
}

function predicateV1(facts: ProvenanceFacts, options: ProvenanceOptions): object {
  const { request, materials, buildId, startedAtMs, finishedAtMs } = facts;
  const isMax = options.mode === 'max';
  return {
    buildDefinition: {
      buildType: BUILD_TYPE_V1,
      externalParameters: {
        configSource: { path: request.dockerfile },
        request: parametersOf(facts, options),
      },
      internalParameters: {
        builderPlatform: formatPlatform(hostPlatform()),
        ...(isMax && { buildConfig: buildConfigOf(facts) }),
      },
      resolvedDependencies: materials,
    },
    runDetails: {
      builder: { id: options.builderId },
      metadata: {
        invocationID: buildId,
        startedOn: formatDate(startedAtMs),
        finishedOn: formatDate(finishedAtMs),
        buildkit_completeness: { request: isMax, resolvedDependencies: false },
        ...(isMax && { buildkit_metadata: { source: sourceOf(facts) } }),
      },
    },
  };
}

/** The values of arguments and labels may be nobody's business: they are told on request only. */
function parametersOf({ request, plan }: ProvenanceFacts, { mode }: ProvenanceOptions): object {
  const { target, buildArgs, labels, context } = request;
  const args = {
    ...(target !== undefined && { target }),
    ...(mode === 'max' && { ...withPrefix('build-arg:', buildArgs), ...withPrefix('label:', labels) }),
  };
  const vertices = plan.steps.flatMap(({ vertex }) => vertex ?? []);
  const asked = (kind: 'secret' | 'ssh') => clientIds(vertices, kind).map((id) => ({ id }));
  const [secrets, ssh] = [asked('secret'), asked('ssh')];
  return {
    frontend: 'dockerfile.v0',
    args,
    ...(context.kind !== 'remote' && { locals: [{ name: 'context' }, { name: 'dockerfile' }] }),
    ...(mode === 'max' && secrets.length > 0 && { secrets }),
    ...(mode === 'max' && ssh.length > 0 && { ssh }),
  };
}

function withPrefix(
  prefix: string,
  values: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [[`${prefix}${name}`, value] as const],
  );
  return Object.fromEntries(entries);
}

/** The steps, as far as they do something. */
function buildConfigOf({ plan }: ProvenanceFacts): object {
  const steps = plan.steps.flatMap(({ title, vertex }, index) =>
    title === undefined || !vertex ? [] : [{ id: `step${index}`, name: title, op: vertex.kind }],
  );
  return { steps };
}

function sourceOf({ plan: { source } }: ProvenanceFacts): object {
  const data = Buffer.from(source.text).toString('base64');
  return { infos: [{ filename: source.name, language: 'Dockerfile', data }] };
}
