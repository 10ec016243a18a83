import { TestDaemon } from './daemon.ts';

/** An engine that clients talk to. */
export interface Subject extends AsyncDisposable {
  readonly host: string;
  readonly socket: string;
}

/**
 * The engine under test: a daemon of ours; or, with `TEST_DOCKER_HOST=unix:///…`, the one that listens there. So the
 * same expectations can be shown to be Docker's. `flags` are for a daemon of ours.
 */
export async function startSubject(...flags: readonly string[]): Promise<Subject> {
  const host = process.env['TEST_DOCKER_HOST'];
  if (host === undefined) return TestDaemon.start(...flags);
  return { host, socket: host.replace('unix://', ''), [Symbol.asyncDispose]: async () => undefined };
}

/** True where the engine under test is not Caisson. */
export const isForeign = process.env['TEST_DOCKER_HOST'] !== undefined;
