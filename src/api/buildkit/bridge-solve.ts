/** What a client that leads a build asks to be built. */
import { EngineError } from '#base/errors.ts';
import type { BuildRequest } from '#build/build.ts';
import type { BridgeSolveRequest, Result } from '#wire/buildkit/gateway.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import type { Definition } from '#wire/buildkit/ops.ts';
import type { ActiveBuild } from './active-build.ts';
import { buildRequestOf } from './build-attributes.ts';
import { inputsOf } from './build-inputs.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';
import { requireFrontend } from './frontends.ts';
import { clientOf, graphRequest } from './graph-request.ts';
import type { Call } from './grpc-server.ts';
import { metadataOf, resultOf } from './result-metadata.ts';
import { DESCRIBE, subrequestOf, SUBREQUESTS } from './subrequests.ts';

export function buildOf({ builds }: BuildkitRoles, { metadata, connection }: Call): ActiveBuild {
  const reference = metadata['buildkit-controlapi-buildid'];
  if (typeof reference !== 'string') throw new EngineError('invalid', 'Cannot find build: it is not named');
  return builds.get(reference, connection);
}

/** What is built is exported once the client returns it. */
export async function solve(
  parts: BuildkitRoles,
  request: BridgeSolveRequest,
  call: Call,
): Promise<InputOf<typeof Result>> {
  const { Frontend, Definition: graph } = request;
  if (graph && graph.def.length > 0) return await solveGraph(parts, graph, request, call);
  return Frontend === '' ? { ref: {} } : await solveFrontend(parts, request, call);
}

/** Nothing is done before the client looks at the result, unless it asks for that, as in BuildKit. */
async function solveGraph(
  parts: BuildkitRoles,
  graph: Definition,
  { Frontend, Evaluate, CacheImports, SourcePolicies }: BridgeSolveRequest,
  call: Call,
): Promise<InputOf<typeof Result>> {
  if (Frontend !== '')
    throw new EngineError('invalid', 'cannot solve with both Definition and Frontend specified');
  const build = buildOf(parts, call);
  using left = abortOn(call.signal);
  const bridge = await build.open(
    parts.engine.builds,
    await graphRequest(parts, build, graph, {
      left: left.signal,
      imports: CacheImports,
      policies: SourcePolicies,
    }),
  );
  if (Evaluate) await build.solve(bridge);
  return { ref: parts.results.add({ build, bridge, number: 0 }, call.connection, graph) };
}

async function solveFrontend(
  parts: BuildkitRoles,
  request: BridgeSolveRequest,
  call: Call,
): Promise<InputOf<typeof Result>> {
  const { Frontend, FrontendOpt } = request;
  requireFrontend(Frontend, FrontendOpt);
  const question = FrontendOpt.get('requestid');
  if (question === DESCRIBE) return { ref: {}, metadata: metadataOf(SUBREQUESTS) };
  const subrequest = question === undefined ? undefined : subrequestOf(question);
  const build = buildOf(parts, call);
  using left = abortOn(call.signal);
  const wanted = await frontendRequest(parts, build, request, left.signal);
  if (subrequest) {
    const answer = await build.run(parts.engine.builds, { ...wanted, subrequest });
    return { ref: {}, metadata: metadataOf(answer) };
  }
  const bridge = await build.open(parts.engine.builds, wanted);
  const outcome = await build.solve(bridge);
  return resultOf(outcome, (number) => parts.results.add({ build, bridge, number }, call.connection));
}

async function frontendRequest(
  parts: BuildkitRoles,
  build: ActiveBuild,
  { FrontendOpt, FrontendInputs, CacheImports, SourcePolicies }: BridgeSolveRequest,
  left: AbortSignal,
): Promise<BuildRequest> {
  const { asked, session, signal } = await clientOf(parts, build, { left, imports: CacheImports });
  const attributes = new Map([...asked.FrontendAttrs, ...FrontendOpt]);
  const { contexts: inputs, images } = await inputsOf(parts, build, FrontendInputs, left);
  const wishes = { attributes, inputs, images, solve: asked, policies: SourcePolicies, session, signal };
  return { ...buildRequestOf(wishes), images };
}

/** Fires when `signal` does, until it is disposed: what is built outlives the call that asks for it. */
function abortOn(signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener('abort', abort);
  return { signal: controller.signal, [Symbol.dispose]: () => signal.removeEventListener('abort', abort) };
}
