/** `POST /caisson/build`: the engine's own wire for builds; docs/build-wire.md. */
import { EngineError, isEngineError } from '#base/errors.ts';
import { wishedAttestations } from '#build/attest/wished-attestations.ts';
import type {
  BuildEvent,
  BuildOutput,
  BuildRequest,
  CacheSource,
  ContextSource,
  NamedContext,
  VertexStatus,
} from '#build/build.ts';
import { StepFailure } from '#build/step-failure.ts';
import { formatSnippet } from '#dockerfile/source-snippet.ts';
import { placeOf } from '#build/progress/step-errors.ts';
import { parseDigest } from '#oci/digest.ts';
import type { WireBuildFailure, WireVertex } from '#wire/build-session.ts';
import type { WireBuildRequest, WireTypedAttributes } from '#wire/build-request.ts';
import { decodeBuildRequest } from '#wire/build-request.ts';
import { decodeCommandSettings } from '../build-commands.ts';
import type { Exchange } from '../exchange.ts';
import { RAW_STREAM, takeOver } from '../hijack.ts';
import { readJsonBody } from '../request-body.ts';
import { hijacking, post, type Route } from '../route.ts';
import { FrameConnection } from './frame-connection.ts';
import { WireSession } from './wire-session.ts';
import { buildkitFailureText, vertexError } from '../errors/build-failure.ts';

export const buildSessionRoutes: readonly Route[] = [hijacking(post('/caisson/build', buildOverSession))];

/** The whole build, from the request to its last event. */
async function buildOverSession(exchange: Exchange): Promise<void> {
  const wanted = decodeBuildRequest(await readJsonBody(exchange));
  if (!exchange.upgrade)
    throw new EngineError('invalid', 'Cannot build image: the connection is not to be upgraded');
  const parts = requestParts(wanted);
  const stream = takeOver(exchange, { contentType: RAW_STREAM, bodyConsumed: true });
  const connection = new FrameConnection(stream);
  const session = new WireSession(connection, wanted.sharedKey);
  const signal = AbortSignal.any([connection.closed, exchange.context.closing]);
  const context: ContextSource =
    wanted.context === '-' ? { kind: 'tar', stream: session.openArchive() } : contextOf(wanted.context);
  try {
    const request: BuildRequest = { ...parts, context, session, signal, tell: 'graph' };
    for await (const event of exchange.engine.builds.build(request)) {
      sendEvent(connection, event);
      await connection.drained();
    }
  } catch (error) {
    const reason = exchange.context.closing.aborted ? new EngineError('unavailable', STOPPED) : error;
    connection.send({ type: 'failed', failure: failureOf(reason) });
  } finally {
    connection.finish();
  }
}

const STOPPED =
  'Cannot go on building: the engine was stopped; it keeps the steps that were done, so build again once it runs';

function sendEvent(connection: FrameConnection, event: BuildEvent): void {
  switch (event.type) {
    case 'vertex-output': {
      const { data, ...head } = event;
      connection.send({ type: 'event', event: head }, data);
      break;
    }
    case 'vertex':
      connection.send({ type: 'event', event: { type: 'vertex', vertex: wireVertex(event.vertex) } });
      break;
    case 'vertex-progress':
    case 'warning':
    case 'built':
      connection.send({ type: 'event', event });
      break;
    case 'step':
    case 'stepped':
    case 'output':
    case 'pulling':
    case 'unused-arguments':
      break;
  }
}

function wireVertex(vertex: VertexStatus): WireVertex {
  const { failure: _, ...told } = vertex;
  const error = vertexError(vertex);
  return { ...told, ...(error !== undefined && { error }) };
}

/** @throws {EngineError} `invalid` */
function requestParts(wanted: WireBuildRequest): Omit<BuildRequest, 'context' | 'signal'> {
  const { target, platforms, dockerfile, hasDockerfile, subrequest } = wanted;
  const { buildArgs, labels, references, noCache, noCacheStages, pull, squash, entitlements } = wanted;
  return {
    namedContexts: Object.fromEntries(
      Object.entries(wanted.namedContexts).map(([name, text]) => [name, namedContextOf(text)]),
    ),
    dockerfile,
    ...(hasDockerfile && { dockerfileSource: { kind: 'session', directory: 'dockerfile' } }),
    ...(target !== '' && { target }),
    ...(platforms.length > 0 && { platforms }),
    buildArgs,
    labels,
    references,
    noCache,
    noCacheStages,
    pull,
    squash,
    entitlements,
    credentials: {},
    commands: decodeCommandSettings({ ...wanted.hostConfig }),
    ...(wanted.outputs.length > 0 && { outputs: wanted.outputs.map(outputOf) }),
    cacheFrom: wanted.cacheFrom.map(cacheOf),
    cacheTo: wanted.cacheTo.map(cacheOf),
    attestations: wishedAttestations(Object.entries(wanted.attestations), buildArgs),
    ...(subrequest !== '' && { subrequest: subrequestOf(subrequest) }),
  };
}

function contextOf(text: string): ContextSource {
  return text === '' ? { kind: 'session', directory: 'context' } : { kind: 'remote', url: text };
}

function namedContextOf(text: string): NamedContext {
  const [, scheme, rest = ''] = /^(local:|docker-image:\/\/|oci-layout:\/\/)(.*)$/s.exec(text) ?? [];
  if (scheme === 'local:') return { kind: 'session', directory: rest };
  if (scheme === 'docker-image://') return { kind: 'image', reference: rest };
  if (scheme === undefined) return { kind: 'remote', url: text };
  const at = rest.lastIndexOf('@');
  return { kind: 'oci-layout', directory: rest.slice(0, at), digest: parseDigest(rest.slice(at + 1)) };
}

const OUTPUTS: readonly BuildOutput['type'][] = [
  'image',
  'registry',
  'local',
  'tar',
  'oci',
  'docker',
  'cacheonly',
];
const CACHES: readonly CacheSource['type'][] = ['inline', 'registry', 'local'];
const SUBREQUESTS = ['check', 'outline', 'targets'] as const;

function outputOf({ type, attributes }: WireTypedAttributes): BuildOutput {
  return { type: knownOf(OUTPUTS, type, 'output'), attributes };
}

function cacheOf({ type, attributes }: WireTypedAttributes): CacheSource {
  return { type: knownOf(CACHES, type, 'cache'), attributes };
}

function subrequestOf(text: string): NonNullable<BuildRequest['subrequest']> {
  return knownOf(SUBREQUESTS, text, 'request');
}

function knownOf<T extends string>(values: readonly T[], text: string, what: string): T {
  const found = values.find((value) => value === text);
  if (found === undefined)
    throw new EngineError(
      'invalid',
      `Cannot build image: there is no ${what} of type ${JSON.stringify(text)}, only ${values.join(', ')}`,
    );
  return found;
}

function failureOf(error: unknown): WireBuildFailure {
  const snippet = snippetOf(error);
  return {
    code: isEngineError(error) ? error.code : 'internal',
    message: buildkitFailureText(error),
    ...(error instanceof StepFailure && { exitCode: error.exitCode }),
    ...(snippet !== '' && { snippet }),
  };
}

function snippetOf(error: unknown): string {
  const place = placeOf(error);
  return place ? formatSnippet(place.source, place.ranges) : '';
}
