/* A program for tests: an engine's networks with two containers, for being killed. */
import { parseArgs } from 'node:util';
import type { SandboxRecord } from './network.ts';
import { port, requestFor, startNetworks } from './testing.ts';

/** What it tells its parent. */
export interface DaemonReport {
  readonly web: SandboxRecord;
  readonly ended: SandboxRecord;
}

const { positionals } = parseArgs({ allowPositionals: true });
const networks = await startNetworks(positionals[0] ?? '', { poolSize: 2 });
const web = await networks.acquire(requestFor('web', { ports: [port('80/tcp', 8080)] }));
const ended = await networks.acquire(requestFor('ended'));
process.send?.({ web, ended } satisfies DaemonReport);
// Only the parent ends it.
setInterval(() => {}, 1 << 30);
