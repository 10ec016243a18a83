import { buildSessionRoutes } from './build-session/build-over-session.ts';
import { buildRoutes } from './build.ts';
import { buildkitRoutes } from './buildkit/routes.ts';
import { commitRoutes } from './commit.ts';
import { containerArchiveRoutes } from './containers-archive.ts';
import { containerInspectRoutes } from './containers-inspect.ts';
import { containerLifecycleRoutes } from './containers-lifecycle.ts';
import { containerStatsRoutes } from './containers-stats.ts';
import { containerStreamRoutes } from './containers-streams.ts';
import { eventRoutes } from './events.ts';
import { execRoutes } from './exec.ts';
import { imageArchiveRoutes } from './images-archive.ts';
import { imageGcRoutes } from './images-gc.ts';
import { imageManifestRoutes } from './images-manifest.ts';
import { imageRegistryRoutes } from './images-registry.ts';
import { imageExploreRoutes } from './images-explore.ts';
import { imageRoutes } from './images.ts';
import { integrityRoutes } from './integrity.ts';
import { networkRoutes } from './networks.ts';
import type { Route } from './route.ts';
import { Router } from './router.ts';
import { systemRoutes } from './system.ts';
import { unavailableRoutes } from './unavailable.ts';
import { volumeRoutes } from './volumes.ts';

export const ROUTES: readonly Route[] = [
  ...systemRoutes,
  ...eventRoutes,
  ...containerLifecycleRoutes,
  ...containerInspectRoutes,
  ...containerStatsRoutes,
  ...containerStreamRoutes,
  ...containerArchiveRoutes,
  ...execRoutes,
  ...commitRoutes,
  ...buildRoutes,
  ...buildkitRoutes,
  ...buildSessionRoutes,
  ...imageRoutes,
  ...imageArchiveRoutes,
  ...imageExploreRoutes,
  ...imageGcRoutes,
  ...imageManifestRoutes,
  ...imageRegistryRoutes,
  ...integrityRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...unavailableRoutes,
];

/** Every endpoint of the Engine API. */
export function createRouter(): Router<Route> {
  const router = new Router<Route>();
  for (const route of ROUTES) router.add(route.method, route.pattern, route);
  return router;
}
