/** The machine that builds, as clients know it. */
import type { EngineApi } from '#engine/engine.ts';
import { hostPlatform } from '#oci/platform.ts';
import type { InputOf } from '#wire/buildkit/message.ts';
import type { BuildkitVersion, WorkerRecord } from '#wire/buildkit/common.ts';

/** What of BuildKit's protocol is spoken. */
export const BUILDKIT_VERSION: InputOf<typeof BuildkitVersion> = {
  package: 'caisson',
  version: 'v0.13.2',
  revision: '',
};

const HOST_GATEWAY = 'org.mobyproject.buildkit.worker.moby.host-gateway-ip';

export async function workerOf(engine: EngineApi): Promise<InputOf<typeof WorkerRecord>> {
  const { architecture: Architecture, os: OS, variant: Variant = '' } = hostPlatform();
  const { ID } = await engine.info();
  const gateway = hostGateway(engine);
  return {
    ID: String(ID),
    Labels: gateway === undefined ? {} : { [HOST_GATEWAY]: gateway },
    platforms: [{ Architecture, OS, Variant }],
    BuildkitVersion: BUILDKIT_VERSION,
  };
}

/** What `host-gateway` stands for; clients replace it themselves. */
function hostGateway({ networks }: EngineApi): string | undefined {
  const [bridge] = networks.list().filter(({ Name }) => Name === 'bridge');
  return bridge?.IPAM.Config?.find(({ Gateway }) => Gateway !== undefined)?.Gateway;
}
