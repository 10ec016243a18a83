/** Runs in the machine under test: prints what its engine has left there without an owner, as JSON. */
import { execFileSync } from 'node:child_process';
import { lastingLeftovers } from '../support/leftovers.ts';

const RUN = '/run/caisson';
/** As in etc/default/caisson. */
const POOL_SIZE = 4;

function docker(...args: readonly string[]): readonly string[] {
  return execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean);
}

const traces = { directory: RUN, root: '/var/lib/caisson', run: RUN, bridge: 'caisson0' };
const owners = {
  running: docker('ps', '-q', '--no-trunc'),
  known: docker('ps', '-aq', '--no-trunc'),
  publishedPorts: 0,
  poolSize: POOL_SIZE,
};
process.stdout.write(JSON.stringify(await lastingLeftovers(traces, owners)));
