import { statSync } from 'node:fs';
import type { ImageStore } from '#image/image.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { linkNames, linksOf, type LinkTable } from '../links.ts';
import type { Volumes } from '#volume/volume.ts';
import type { ContainerListEntry, SizeView } from '../views.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { Container } from '../run/container.ts';
import { viewMounts } from './mount-view.ts';
import { viewNetwork } from './network-view.ts';
import { viewState } from './state-view.ts';

/** The sources of what views show besides the container itself. */
export interface ViewSources {
  readonly lookup: LinkTable;
  readonly images: Pick<ImageStore, 'resolve' | 'inspect' | 'descendantsOf'>;
  readonly volumes: Pick<Volumes, 'get'>;
  readonly snapshots: Pick<SnapshotStore, 'get' | 'usage'>;
  readonly paths: Pick<ContainerPaths, 'files'>;
}

/** @param names what all containers are called by links, where many are shown */
export function viewListEntry(
  sources: ViewSources,
  container: Container,
  names = linkNames(sources.lookup),
): ContainerListEntry {
  const { id, name, spec, definition, state } = container;
  return {
    id,
    name,
    createdAt: definition.createdAt,
    imageId: definition.imageId,
    image: shownImage(sources, container),
    spec,
    state: viewState(state),
    mounts: viewMounts(definition.mounts, sources.volumes),
    network: viewNetwork(container),
    links: linksOf(sources.lookup, spec.network.links).map((link) => ({
      name: link.container.name,
      alias: link.alias,
    })),
    linkedAs: names.get(id) ?? [],
  };
}

/** The name that the user gave, as long as it means the same image. */
function shownImage({ images }: ViewSources, { spec, definition }: Container): string {
  try {
    return images.resolve(spec.image).id === definition.imageId ? spec.image : definition.imageId;
  } catch {
    return definition.imageId;
  }
}

export async function measureContainer(
  { snapshots, images, paths }: ViewSources,
  { id, definition }: Container,
): Promise<SizeView> {
  const [inRoot, image] = await Promise.all([
    // What is lost has no size.
    snapshots.get(id) ? snapshots.usage(id) : 0,
    images.inspect(definition.imageId).catch(() => undefined),
  ]);
  const own = inRoot + writtenBytes(paths.files(id));
  return { writableBytes: own, rootBytes: own + (image?.sizeBytes ?? 0) };
}

/** What the engine writes into a file of /etc fits in a page; what is more is the container's. */
const PAGE_BYTES = 4096;

function writtenBytes(files: Readonly<Record<string, string>>): number {
  const sizes = Object.values(files).map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  return sizes.filter((size) => size > PAGE_BYTES).reduce((sum, size) => sum + size, 0);
}
