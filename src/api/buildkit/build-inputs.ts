/** Graphs as inputs of Dockerfiles: `docker buildx bake` with contexts of the kind `target:`, and what clients make. */
import type { NamedContext } from '#build/build.ts';
import type { ImageRecord } from '#image/image-record.ts';
import type { Definition } from '#wire/buildkit/ops.ts';
import type { ActiveBuild } from './active-build.ts';
import { graphRequest } from './graph-request.ts';
import { resultOf } from './build-results.ts';
import type { BuildkitRoles } from './buildkit-roles.ts';

/** What builds are given of others. */
export interface BuildInputs {
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /** Inputs by the names that the contexts have for them. */
  readonly images: ReadonlyMap<string, ImageRecord>;
}

/** @throws {EngineError} what building one of them fails with */
export async function inputsOf(
  parts: BuildkitRoles,
  build: ActiveBuild,
  definitions: ReadonlyMap<string, Definition | undefined>,
  left: AbortSignal,
): Promise<BuildInputs> {
  const contexts = new Map<string, NamedContext>();
  const images = new Map(await parts.results.imagesIn(definitions.values()));
  for (const [name, definition] of definitions) {
    if (!definition) continue;
    const known = resultOf(definition);
    const reference = known ?? `caisson-input://${name}`;
    if (known === undefined) {
      const request = await graphRequest(parts, build, definition, { left });
      const bridge = await build.open(parts.engine.builds, request);
      images.set(reference, parts.results.recordOf((await build.solve(bridge)).images[0]));
    }
    contexts.set(name, { kind: 'image', reference });
  }
  return { contexts, images };
}
