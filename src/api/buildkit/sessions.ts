import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#base/errors.ts';
import type { ClientSession } from './client-session.ts';

/** A build may be asked for before the session that it needs is there, on a busy machine long before. */
const WAIT_MS = 60_000;

/** The sessions that clients have open, by the ids that they chose. */
export class Sessions {
  readonly #open = new Map<string, ClientSession>();
  readonly #expected = new Map<string, PromiseWithResolvers<ClientSession>>();

  /** Until the client is gone. */
  add(id: string, session: ClientSession): void {
    this.#open.set(id, session);
    this.#expected.get(id)?.resolve(session);
    session.closed.addEventListener('abort', () => {
      if (this.#open.get(id) === session) this.#open.delete(id);
    });
  }

  /** @throws {EngineError} `not-found` if it does not come in time, `aborted` */
  async get(id: string, signal: AbortSignal): Promise<ClientSession> {
    const session = this.#open.get(id);
    if (session) return session;
    const expected = this.#expected.get(id) ?? Promise.withResolvers<ClientSession>();
    this.#expected.set(id, expected);
    const waiting = new AbortController();
    try {
      const options = { signal: AbortSignal.any([signal, waiting.signal]), ref: false };
      const late = sleep(WAIT_MS, undefined, options).catch(() => undefined);
      const found = await Promise.race([expected.promise, late]);
      signal.throwIfAborted();
      if (!found) throw new EngineError('not-found', `Cannot find build session ${id}`);
      return found;
    } finally {
      waiting.abort();
      this.#expected.delete(id);
    }
  }
}
