/* A program for tests: an engine's networks with two containers, for being killed. */
import { parseArgs } from 'node:util';
import { requestFor, startNetworks } from './testing.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const networks = await startNetworks(positionals[0] ?? '', { poolSize: 2 });
const portBindings = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] };
const web = await networks.acquire(requestFor('web', { portBindings, exposedPorts: ['80/tcp'] }));
const ended = await networks.acquire(requestFor('ended'));
process.send?.({ web, ended });
// Only the parent ends it.
setInterval(() => {}, 1 << 30);
