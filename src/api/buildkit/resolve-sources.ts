/** What clients ask about images before they build on them. */
import { nameInLayout } from '#build/graph/source-names.ts';
import { layoutOfName } from '#build/bases/layout-image.ts';
import { RESOLVED_CONFIG, RESOLVED_DIGEST } from '#build/bases/resolve-image.ts';
import type { PlatformMessage } from '#wire/buildkit/common.ts';
import type {
  ResolveImageRequest,
  ResolveImageResponse,
  ResolveSourceRequest,
  ResolveSourceResponse,
} from '#wire/buildkit/gateway.ts';
import type { PolicyMessage } from '#wire/buildkit/source-policy.ts';
import type { InputOf, MessageOf } from '#wire/buildkit/message.ts';
import type { ActiveBuild } from './active-build.ts';
import { buildRequestOf } from './build-attributes.ts';
import { platformFor } from './platforms.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';

const IMAGE = 'docker-image://';
const LAYOUT = 'oci-layout://';
/** BuildKit's `ResolverTypeOCILayout`. */
const FROM_LAYOUT = 1;

/** @throws {EngineError} what looking for the image says */
export async function resolveImage(
  parts: BuildkitRoles,
  build: ActiveBuild,
  request: MessageOf<typeof ResolveImageRequest>,
): Promise<InputOf<typeof ResolveImageResponse>> {
  const { Ref, ResolverType, ResolveMode, StoreID } = request;
  const name = ResolverType === FROM_LAYOUT ? nameInLayout(Ref, StoreID) : Ref;
  const found = await resolve(parts, build, {
    name,
    mode: ResolveMode,
    platform: request.Platform,
    policies: request.SourcePolicies,
  });
  return { ...found, Ref };
}

/** @throws {EngineError} `not-implemented` for what is not an image */
export async function resolveSource(
  parts: BuildkitRoles,
  build: ActiveBuild,
  {
    Source,
    Platform: platform,
    ResolveMode,
    SourcePolicies: policies,
  }: MessageOf<typeof ResolveSourceRequest>,
): Promise<InputOf<typeof ResolveSourceResponse>> {
  const { identifier = '', attrs = new Map<string, string>() } = Source ?? {};
  const source = { identifier, attrs: Object.fromEntries(attrs) };
  const name = identifier.startsWith(LAYOUT)
    ? nameInLayout(identifier.slice(LAYOUT.length), attrs.get('oci.store'))
    : identifier.startsWith(IMAGE)
      ? identifier.slice(IMAGE.length)
      : undefined;
  // Nothing is known of other sources before they are fetched.
  if (name === undefined) return { Source: source };
  const mode = ResolveMode || (attrs.get('image.resolvemode') ?? '');
  return { Source: source, Image: await resolve(parts, build, { name, mode, platform, policies }) };
}

interface Wanted {
  readonly name: string;
  readonly mode: string;
  readonly platform: MessageOf<typeof PlatformMessage> | undefined;
  readonly policies: readonly PolicyMessage[];
}

async function resolve(
  { engine, sessions }: BuildkitRoles,
  build: ActiveBuild,
  { name, mode, platform, policies }: Wanted,
): Promise<{ readonly Digest: string; readonly Config: Uint8Array }> {
  const asked = await build.asked;
  const session = await sessions.get(asked.Session, build.signal);
  const signal = AbortSignal.any([build.signal, session.closed]);
  const layout = layoutOfName(name);
  const layouts = layout ? { [name]: layout } : {};
  const common = { inputs: new Map(), solve: asked, session, signal, layouts, policies };
  const wishes = { attributes: asked.FrontendAttrs, ...common };
  const response = await build.run(engine.builds, {
    ...buildRequestOf(wishes),
    pull: mode === 'pull',
    resolve: { name, platform: platformFor(platform) },
  });
  return {
    Digest: response[RESOLVED_DIGEST] ?? '',
    Config: Buffer.from(response[RESOLVED_CONFIG] ?? ''),
  };
}
