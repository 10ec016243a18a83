import type { BuildRequest, NamedContext } from '#build/build.ts';
import type { CacheOptionsEntry, SolveRequest } from '#wire/buildkit/control.ts';
import type { PolicyMessage } from '#wire/buildkit/source-policy.ts';
import type { Definition } from '#wire/buildkit/ops.ts';
import type { ActiveBuild } from './active-build.ts';
import { buildRequestOf } from './build-attributes.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';
import { decodeGraph } from './graph/decode-graph.ts';
import { layoutsIn } from './layout-sources.ts';

interface GraphRequestOptions {
  /** Fires when the client does not want it any more. */
  readonly left?: AbortSignal;
  /** More caches. */
  readonly imports?: readonly CacheOptionsEntry[];
  /** More source policies. */
  readonly policies?: readonly PolicyMessage[];
}

/** A build of a graph of the client's, with what its `Control/Solve` says of everything else. */
export async function graphRequest(
  parts: BuildkitRoles,
  build: ActiveBuild,
  graph: Definition,
  { left = build.signal, imports = [], policies = [] }: GraphRequestOptions = {},
): Promise<BuildRequest> {
  const { asked, session, signal } = await clientOf(parts, build, { left, imports });
  const layouts: Readonly<Record<string, NamedContext>> = layoutsIn(graph);
  const wishes = {
    attributes: asked.FrontendAttrs,
    inputs: new Map(),
    solve: asked,
    session,
    signal,
    layouts,
    policies,
  };
  return {
    ...buildRequestOf(wishes),
    graph: decodeGraph(graph),
    images: await parts.results.imagesIn([graph]),
  };
}

/** What the client's `Control/Solve` asks for, and its session; the signal fires when either side leaves. */
export async function clientOf(
  { sessions }: BuildkitRoles,
  build: ActiveBuild,
  { left, imports }: Required<Pick<GraphRequestOptions, 'left' | 'imports'>>,
) {
  const asked = await build.asked;
  const session = await sessions.get(asked.Session, build.signal);
  const signal = AbortSignal.any([build.signal, left, session.closed]);
  return { asked: withImports(asked, imports), session, signal };
}

function withImports(asked: SolveRequest, imports: readonly CacheOptionsEntry[]): SolveRequest {
  const { Cache } = asked;
  if (imports.length === 0) return asked;
  const none = { ExportRefDeprecated: '', ImportRefsDeprecated: [], ExportAttrsDeprecated: new Map() };
  const known = Cache ?? { ...none, Exports: [], Imports: [] };
  return { ...asked, Cache: { ...known, Imports: [...known.Imports, ...imports] } };
}
