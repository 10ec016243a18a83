/* A daemon for restore.test.ts: runs what it is told, waits until all has been said that is told it, then to be killed. */
import { until } from '#base/testing.ts';
import { ContainerFixture, logOf } from './container-fixture.ts';

export interface DaemonOrders {
  readonly path: string;
  readonly runs: readonly DaemonRun[];
}

export interface DaemonRun {
  readonly cmd: readonly string[];
  readonly config?: Record<string, unknown>;
  /** A whole line that it says. */
  readonly says?: string;
}

if (process.send) {
  process.once('message', (orders: DaemonOrders) => void obey(orders));
}

async function obey({ path, runs }: DaemonOrders): Promise<void> {
  const fixture = await ContainerFixture.open(path);
  const ids: string[] = [];
  for (const { cmd, config = {} } of runs) ids.push(await fixture.run(cmd, config));
  for (const [index, { says }] of runs.entries()) {
    const hasSaid = async () => (await logOf(fixture, ids[index] ?? '')).split(/\r?\n/).includes(says ?? '');
    if (says !== undefined) await until(hasSaid, says);
  }
  process.send?.(ids);
}
