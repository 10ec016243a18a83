/** `moby.buildkit.v1.Control`. */
import { once } from 'node:events';
import { EngineError } from '#base/errors.ts';
import { Empty } from '#wire/buildkit/common.ts';
import {
  BuildHistoryEvent,
  BuildHistoryRequest,
  DiskUsageRequest,
  DiskUsageResponse,
  InfoRequest,
  InfoResponse,
  ListWorkersRequest,
  ListWorkersResponse,
  PruneRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
  UpdateBuildHistoryRequest,
  UsageRecord,
} from '#wire/buildkit/control.ts';
import type { MessageOf } from '#wire/buildkit/message.ts';
import { graphRequest } from './graph-request.ts';
import { requireFrontend } from './frontends.ts';
import { inputsOf } from './build-inputs.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';
import { buildRequestOf } from './build-attributes.ts';
import { diskUsage, pruneRecords } from './cache-records.ts';
import { type Call, type Methods, streaming, tunnel, unary } from './grpc-server.ts';
import { sessionHeadersOf } from './session-headers.ts';
import { BUILDKIT_VERSION, workerOf } from './worker.ts';

export function controlService(parts: BuildkitRoles): Methods {
  const service = '/moby.buildkit.v1.Control';
  return {
    [`${service}/ListWorkers`]: unary(ListWorkersRequest, ListWorkersResponse, () => ({
      record: [workerOf(parts.engine)],
    })),
    [`${service}/Info`]: unary(InfoRequest, InfoResponse, () => ({ buildkitVersion: BUILDKIT_VERSION })),
    [`${service}/Solve`]: unary(SolveRequest, SolveResponse, (request, call) => solve(parts, request, call)),
    // For clients that have this connection only: what would come over /session is inside the call.
    [`${service}/Session`]: tunnel((connection, { metadata }) =>
      parts.sessions.serve(connection, sessionHeadersOf(metadata)),
    ),
    [`${service}/Status`]: streaming(StatusRequest, StatusResponse, ({ Ref }, { signal, connection }) =>
      parts.builds.get(Ref, connection).status.read(signal),
    ),
    [`${service}/DiskUsage`]: unary(DiskUsageRequest, DiskUsageResponse, ({ filter }) => ({
      record: diskUsage(parts.engine.builds, filter),
    })),
    [`${service}/Prune`]: streaming(PruneRequest, UsageRecord, (request) =>
      pruneRecords(parts.engine.builds, request),
    ),
    [`${service}/ListenBuildHistory`]: streaming(BuildHistoryRequest, BuildHistoryEvent, listenHistory),
    [`${service}/UpdateBuildHistory`]: unary(UpdateBuildHistoryRequest, Empty, () => ({})),
  };
}

/** Nothing is kept of builds that are over. Clients that follow have the stream open until they leave. */
async function* listenHistory(
  { EarlyExit }: MessageOf<typeof BuildHistoryRequest>,
  { signal }: Call,
): AsyncGenerator<never, void> {
  if (!EarlyExit && !signal.aborted) await once(signal, 'abort');
  yield* [];
}

/** A client that names neither frontend nor graph leads the build itself, and returns its result. */
async function solve(
  parts: BuildkitRoles,
  request: SolveRequest,
  { signal, connection }: Call,
): Promise<{ readonly ExporterResponse: Readonly<Record<string, string>> }> {
  const { engine, sessions, builds } = parts;
  const build = builds.get(request.Ref, connection);
  const leave = () => build.close();
  signal.addEventListener('abort', leave);
  try {
    build.ask(request);
    if (request.Frontend === '') {
      const { Definition: graph } = request;
      if (!graph) return { ExporterResponse: await build.returned };
      if (graph.def.length === 0) return resultOfNothing(request);
      const wanted = await graphRequest(parts, build, graph);
      return { ExporterResponse: await build.run(engine.builds, wanted) };
    }
    requireFrontend(request.Frontend, request.FrontendAttrs);
    const session = await sessions.get(request.Session, build.signal);
    const buildSignal = AbortSignal.any([build.signal, session.closed]);
    const { contexts: inputs, images } = await inputsOf(parts, build, request.FrontendInputs, buildSignal);
    const wishes = { attributes: request.FrontendAttrs, inputs, images, solve: request, session };
    const wanted = { ...buildRequestOf({ ...wishes, signal: buildSignal }), images };
    return { ExporterResponse: await build.run(engine.builds, wanted) };
  } finally {
    signal.removeEventListener('abort', leave);
    build.close();
  }
}

/** A graph without operations has a result without files. @throws {EngineError} where that is to be exported */
function resultOfNothing({ Exporters, ExporterDeprecated }: SolveRequest) {
  if (Exporters.length > 0 || ExporterDeprecated !== '')
    throw new EngineError('not-implemented', 'Cannot export result: the graph has no operations');
  return { ExporterResponse: {} };
}
