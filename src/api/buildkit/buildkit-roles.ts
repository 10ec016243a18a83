/** What the services of BuildKit's wire work with. */
import type { EngineApi } from '#engine/engine.ts';
import type { ActiveBuilds } from './active-build.ts';
import type { BuildResults } from './build-results.ts';
import type { Sessions } from './sessions.ts';

export interface BuildkitRoles {
  readonly engine: EngineApi;
  readonly sessions: Sessions;
  readonly builds: ActiveBuilds;
  readonly results: BuildResults;
}
