/** `moby.buildkit.v1.frontend.LLBBridge`: for clients that lead a build themselves, as buildx and compose do. */
import { Empty } from '#wire/buildkit/common.ts';
import {
  BridgeSolveRequest,
  BridgeSolveResponse,
  EvaluateRequest,
  InputsResponse,
  PongResponse,
  ReadDirectoryRequest,
  ReadDirectoryResponse,
  ReadFileRequest,
  ReadFileResponse,
  ResolveImageRequest,
  ResolveImageResponse,
  ResolveSourceRequest,
  ResolveSourceResponse,
  ReturnRequest,
  StatFileRequest,
  StatFileResponse,
  WarnRequest,
} from '#wire/buildkit/gateway.ts';
import type { Definition } from '#wire/buildkit/ops.ts';
import { asGiven } from './build-results.ts';
import { FRONTEND_CAPABILITIES, GRAPH_CAPABILITIES } from './capabilities.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';
import { type Methods, unary } from './grpc-server.ts';
import { GrpcError } from './grpc-status.ts';
import { buildOf, solve } from './bridge-solve.ts';
import { readDirectory, readFile, statFile } from './result-files.ts';
import { returnedResult } from './returned-result.ts';
import { resolveImage, resolveSource } from './resolve-sources.ts';
import { workerOf } from './worker.ts';

export function bridgeService(parts: BuildkitRoles): Methods {
  const service = '/moby.buildkit.v1.frontend.LLBBridge';
  return {
    [`${service}/Ping`]: unary(Empty, PongResponse, () => ({
      FrontendAPICaps: FRONTEND_CAPABILITIES,
      LLBCaps: GRAPH_CAPABILITIES,
      Workers: [workerOf(parts.engine)],
    })),
    [`${service}/Solve`]: unary(BridgeSolveRequest, BridgeSolveResponse, async (request, call) => ({
      result: await solve(parts, request, call),
    })),
    [`${service}/Return`]: unary(ReturnRequest, Empty, async ({ result, error }, call) => {
      const build = buildOf(parts, call);
      if (error && error.code !== 0) build.fail(new GrpcError(error));
      else build.end(returnedResult(parts, build, result));
      return {};
    }),
    [`${service}/Evaluate`]: unary(EvaluateRequest, Empty, async ({ Ref }) => {
      await parts.results.image(Ref);
      return {};
    }),
    [`${service}/Inputs`]: unary(Empty, InputsResponse, async (_, call) => {
      const { FrontendInputs } = await buildOf(parts, call).asked;
      return { Definitions: definitionsOf(FrontendInputs) };
    }),
    [`${service}/ReadFile`]: unary(ReadFileRequest, ReadFileResponse, (request) =>
      readFile(parts.results, request),
    ),
    [`${service}/ReadDir`]: unary(ReadDirectoryRequest, ReadDirectoryResponse, (request) =>
      readDirectory(parts.results, request),
    ),
    [`${service}/StatFile`]: unary(StatFileRequest, StatFileResponse, (request) =>
      statFile(parts.results, request),
    ),
    [`${service}/ResolveImageConfig`]: unary(ResolveImageRequest, ResolveImageResponse, (request, call) =>
      resolveImage(parts, buildOf(parts, call), request),
    ),
    [`${service}/ResolveSourceMeta`]: unary(ResolveSourceRequest, ResolveSourceResponse, (request, call) =>
      resolveSource(parts, buildOf(parts, call), request),
    ),
    [`${service}/Warn`]: unary(WarnRequest, Empty, (warning, call) => {
      buildOf(parts, call).status.warn(warning);
      return {};
    }),
  };
}

/** The definitions as the client has sent them. */
function definitionsOf(inputs: ReadonlyMap<string, Definition | undefined>) {
  const given = [...inputs].map(([name, definition]) => [name, definition && asGiven(definition)] as const);
  return Object.fromEntries(given);
}
