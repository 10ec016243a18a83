import { DockerDaemon } from '../support/dockerd.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import type { Contest } from './run-scenarios.ts';

/** Debian's dockerd and a daemon of ours, each with the same image. */
export async function openContest(): Promise<Contest & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const docker = stack.use(await DockerDaemon.start({}, { network: 'own' }));
  const ours = stack.use(await TestDaemon.start());
  await Promise.all([importBusybox(docker), importBusybox(ours)]);
  const owned = stack.move();
  return { docker, ours, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
