/* A daemon for restore.test.ts: runs what it is told, then waits to be killed. */
import { ContainerFixture } from './container-fixture.ts';

export interface DaemonOrders {
  readonly path: string;
  readonly runs: readonly { readonly cmd: readonly string[]; readonly config?: Record<string, unknown> }[];
}

if (process.send) {
  process.once('message', (orders: DaemonOrders) => void obey(orders));
}

async function obey({ path, runs }: DaemonOrders): Promise<void> {
  const fixture = await ContainerFixture.open(path);
  const ids: string[] = [];
  for (const { cmd, config = {} } of runs) ids.push(await fixture.run(cmd, config));
  process.send?.(ids);
}
