/** BuildKit's services for all connections of one API server. Loaded when a client first asks for them. */
import type { Duplex } from 'node:stream';
import type { Logger } from '#base/log.ts';
import type { EngineApi } from '#engine/engine.ts';
import { ActiveBuilds } from './active-build.ts';
import { BuildResults } from './build-results.ts';
import { bridgeService } from './bridge-service.ts';
import type { ClientSession } from './client-session.ts';
import { controlService } from './control-service.ts';
import { type Methods, serveGrpc } from './grpc-server.ts';
import type { SessionHeaders } from './session-headers.ts';
import { Sessions } from './sessions.ts';

export class BuildkitServer {
  readonly #sessions = new Sessions();
  readonly #methods: Methods;
  readonly #logger: Logger;

  constructor(engine: EngineApi, logger: Logger) {
    const results = new BuildResults();
    const parts = { engine, sessions: this.#sessions, builds: new ActiveBuilds(), results };
    this.#methods = { ...controlService(parts), ...bridgeService(parts) };
    this.#logger = logger;
  }

  /** The client calls. */
  serve(connection: Duplex): void {
    serveGrpc(connection, this.#methods, this.#logger);
  }

  /** @throws {EngineError} `not-found`, `aborted` */
  async session(id: string, signal: AbortSignal): Promise<ClientSession> {
    return await this.#sessions.get(id, signal);
  }

  /** The client is called, until it leaves. */
  openSession(connection: Duplex, headers: SessionHeaders): void {
    void this.#sessions.serve(connection, headers);
  }
}
