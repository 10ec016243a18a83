/** What Docker says for every reason of every domain. */
import type { DockerEntries, DockerEntry } from './docker-entry.ts';
import { BUILD_ENTRIES } from './build.ts';
import { CONTAINER_ENTRIES } from './container.ts';
import { FILE_SERVICE_ENTRIES } from './file-service.ts';
import { IMAGE_ENTRIES } from './image.ts';
import { NETWORK_ENTRIES } from './network.ts';
import { LAYER_ENTRIES } from './layer.ts';
import { LOG_ENTRIES } from './log.ts';
import { REGISTRY_ENTRIES } from './registry.ts';
import { STORE_ENTRIES } from './store.ts';
import { VOLUME_ENTRIES } from './volume.ts';

/** The tables of all domains. */
export const DOCKER_ENTRIES: readonly DockerEntries<string>[] = [
  BUILD_ENTRIES,
  CONTAINER_ENTRIES,
  FILE_SERVICE_ENTRIES,
  IMAGE_ENTRIES,
  NETWORK_ENTRIES,
  LAYER_ENTRIES,
  LOG_ENTRIES,
  REGISTRY_ENTRIES,
  STORE_ENTRIES,
  VOLUME_ENTRIES,
];

/** The entries by reason. */
export const DOCKER_ERRORS: ReadonlyMap<string, DockerEntry> = new Map(
  DOCKER_ENTRIES.flatMap((entries) => Object.entries(entries)),
);
