/** `moby.buildkit.v1.frontend.LLBBridge`: for clients that lead a build themselves, as buildx and compose do. */
import { EngineError } from '#base/errors.ts';
import { Empty } from '#wire/buildkit/common.ts';
import {
  BridgeSolveRequest,
  BridgeSolveResponse,
  EvaluateRequest,
  PongResponse,
  ReturnRequest,
  type Result,
} from '#wire/buildkit/gateway.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import type { ActiveBuild } from './active-build.ts';
import { buildRequestOf } from './build-attributes.ts';
import { FRONTEND_CAPABILITIES, GRAPH_CAPABILITIES } from './capabilities.ts';
import type { BuildkitParts } from './control-service.ts';
import { type Call, type Methods, unary } from './grpc-server.ts';
import { GrpcError } from './grpc-status.ts';
import { DESCRIBE, subrequestOf, SUBREQUESTS } from './subrequests.ts';
import { workerOf } from './worker.ts';

export function bridgeService(parts: BuildkitParts): Methods {
  const service = '/moby.buildkit.v1.frontend.LLBBridge';
  return {
    [`${service}/Ping`]: unary(Empty, PongResponse, async () => ({
      FrontendAPICaps: FRONTEND_CAPABILITIES,
      LLBCaps: GRAPH_CAPABILITIES,
      Workers: [await workerOf(parts.engine)],
    })),
    [`${service}/Solve`]: unary(BridgeSolveRequest, BridgeSolveResponse, async (request, call) => ({
      result: await solve(parts, request, call),
    })),
    [`${service}/Return`]: unary(ReturnRequest, Empty, ({ error }, call) => {
      const build = buildOf(parts, call);
      if (error && error.code !== 0) build.fail(new GrpcError(error));
      else build.succeed();
      return {};
    }),
    // What was returned is built.
    [`${service}/Evaluate`]: unary(EvaluateRequest, Empty, () => ({})),
    [`${service}/Warn`]: unary(Empty, Empty, () => ({})),
    [`${service}/Inputs`]: unary(Empty, Empty, () => ({})),
  };
}

function buildOf({ builds }: BuildkitParts, { metadata, connection }: Call): ActiveBuild {
  const reference = metadata['buildkit-controlapi-buildid'];
  if (typeof reference !== 'string') throw new EngineError('invalid', 'Cannot find build: it is not named');
  return builds.get(reference, connection);
}

/** `gateway.v0` is a frontend in an image: of Dockerfiles, which is built in. */
const FRONTENDS = new Set(['dockerfile.v0', 'gateway.v0']);

/** Builds and exports at once: the result that the client returns later is there by then. */
async function solve(
  parts: BuildkitParts,
  { Frontend, FrontendOpt, FrontendInputs, Definition }: BridgeSolveRequest,
  call: Call,
): Promise<InputOf<typeof Result>> {
  const build = buildOf(parts, call);
  if (Frontend === '' && Definition.length > 0)
    throw new EngineError(
      'not-implemented',
      'Cannot solve a graph of the client: only Dockerfiles are built',
    );
  if (Frontend === '') return { ref: {} };
  if (!FRONTENDS.has(Frontend)) throw new EngineError('invalid', `failed to find frontend: ${Frontend}`);
  const question = FrontendOpt.get('requestid');
  if (question === DESCRIBE) return { ref: {}, metadata: metadataOf(SUBREQUESTS) };
  const subrequest = question === undefined ? undefined : subrequestOf(question);
  const asked = await build.asked;
  const session = await parts.sessions.get(asked.Session, build.signal);
  const signal = AbortSignal.any([build.signal, call.signal, session.closed]);
  const attributes = new Map([...asked.FrontendAttrs, ...FrontendOpt]);
  await using inputs = await parts.results.open(FrontendInputs, signal);
  const request = buildRequestOf({ attributes, inputs: inputs.contexts, solve: asked, session, signal });
  if (subrequest) {
    const answer = await build.run(parts.engine.builds, { ...request, subrequest });
    return { ref: {}, metadata: metadataOf(answer) };
  }
  await build.run(parts.engine.builds, request);
  return { ref: parts.results.add({ request, image: build.image }, call.connection) };
}

function metadataOf(texts: Readonly<Record<string, string>>): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}
