import type { ContainerListEntry } from '#container/views.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { Exchange } from '../exchange.ts';

/** What the view of a container tells of other things. */
export interface Surroundings {
  /** Without those of images that are gone, and empty where the client does not read them. */
  readonly manifests: ReadonlyMap<Digest, Descriptor>;
  /** From the names of networks to their ids. */
  readonly networkIds: ReadonlyMap<string, string>;
}

export const NO_SURROUNDINGS: Surroundings = { manifests: new Map(), networkIds: new Map() };

export async function surroundingsOf(
  exchange: Exchange,
  containers: readonly Pick<ContainerListEntry, 'imageId'>[],
): Promise<Surroundings> {
  const { images, networks } = exchange.engine;
  const ids = exchange.speaks('1.48') ? new Set(containers.map(({ imageId }) => imageId)) : [];
  const manifests = await Promise.all([...ids].map(async (id) => [id, await images.manifestOf(id)] as const));
  return {
    manifests: new Map(manifests.flatMap(([id, manifest]) => (manifest ? [[id, manifest] as const] : []))),
    networkIds: new Map(networks.list({}).map(({ network }) => [network.name, network.id])),
  };
}
