import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { ClientSession } from './client-session.ts';
import { GrpcClient } from './grpc-client.ts';
import type { SessionHeaders } from './session-headers.ts';

/** A build may be asked for before the session that it needs is there, on a busy machine long before. */
const WAIT_SECONDS = 60;

interface Waiting {
  readonly id: string;
  readonly found: (session: ClientSession) => void;
}

/** The sessions that clients have open, by the ids that they chose. */
export class Sessions {
  readonly #open = new Map<string, ClientSession>();
  /** Several requests of a client may wait for one session, and each may be given up alone. */
  readonly #waiting = new Set<Waiting>();

  /** Has the session of a client that is called over `connection`; resolves when the client is gone. */
  async serve(connection: Duplex, { id, ...description }: SessionHeaders): Promise<void> {
    const session = new ClientSession(new GrpcClient(connection), description);
    this.add(id, session);
    if (!session.closed.aborted) await once(session.closed, 'abort');
  }

  /** Has the session until its client is gone. */
  add(id: string, session: ClientSession): void {
    this.#open.set(id, session);
    for (const waiting of this.#waiting) if (waiting.id === id) waiting.found(session);
    session.closed.addEventListener('abort', () => {
      if (this.#open.get(id) === session) this.#open.delete(id);
    });
  }

  /** @throws {EngineError} `not-found` if it does not come in time; the reason of `signal` */
  async get(id: string, signal: AbortSignal): Promise<ClientSession> {
    const session = this.#open.get(id);
    if (session) return session;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ClientSession>();
    const waiting = { id, found: resolve };
    const abort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(missing(id)), WAIT_SECONDS * 1000).unref();
    signal.addEventListener('abort', abort);
    this.#waiting.add(waiting);
    try {
      return await promise;
    } finally {
      this.#waiting.delete(waiting);
      signal.removeEventListener('abort', abort);
      clearTimeout(timer);
    }
  }
}

function missing(id: string): EngineError {
  const state = `its client has not opened it within ${WAIT_SECONDS} seconds`;
  const help =
    'Build again; if that does not help, see whether a proxy between client and engine lets POST /session be upgraded';
  return new EngineError('not-found', `Cannot find build session ${id}: ${state}. ${help}`);
}
