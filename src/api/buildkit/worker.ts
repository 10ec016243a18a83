/** The machine that builds, as clients know it. */
import { runnablePlatforms } from '#container/program/emulation.ts';
import type { EngineApi } from '#engine/engine.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import type { BuildkitVersion, WorkerRecord } from '#wire/buildkit/common.ts';

/** What of BuildKit's protocol is spoken. */
export const BUILDKIT_VERSION: InputOf<typeof BuildkitVersion> = {
  package: 'caisson',
  version: 'v0.13.2',
  revision: '',
};

/** Clients take it for the sign that OCI images, several platforms, exported caches and pushes are possible. */
const SNAPSHOTTER = 'org.mobyproject.buildkit.worker.snapshotter';
const HOST_GATEWAY = 'org.mobyproject.buildkit.worker.moby.host-gateway-ip';

/** Clients ask for it again and again before they build: nothing here grows with what the engine has. */
export function workerOf(engine: EngineApi): InputOf<typeof WorkerRecord> {
  const gateway = hostGateway(engine);
  return {
    ID: engine.id,
    Labels: { [SNAPSHOTTER]: 'overlayfs', ...(gateway !== undefined && { [HOST_GATEWAY]: gateway }) },
    platforms: runnablePlatforms().map(({ architecture, os, variant = '' }) => ({
      Architecture: architecture,
      OS: os,
      Variant: variant,
    })),
    BuildkitVersion: BUILDKIT_VERSION,
  };
}

/** What `host-gateway` stands for; clients replace it themselves. */
function hostGateway({ networks }: EngineApi): string | undefined {
  const [bridge] = networks.list({ isBuiltIn: true, drivers: ['bridge'] });
  return bridge?.network.pools[0]?.gateway;
}
