/** BuildKit's services for all connections of one API server. Loaded when a client first asks for them. */
import type { Duplex } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import { EngineError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { EngineApi } from '#engine/engine.ts';
import { ActiveBuilds } from './active-build.ts';
import { BuildResults } from './build-results.ts';
import { bridgeService } from './bridge-service.ts';
import { ClientSession } from './client-session.ts';
import { controlService } from './control-service.ts';
import { GrpcClient } from './grpc-client.ts';
import { type Methods, serveGrpc } from './grpc-server.ts';
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

  /** The client is called. */
  openSession(connection: Duplex, { id, ...description }: SessionHeaders): void {
    this.#sessions.add(id, new ClientSession(new GrpcClient(connection), description));
  }
}

export interface SessionHeaders {
  readonly id: string;
  readonly methods: ReadonlySet<string>;
  readonly sharedKey: string;
}

/** @throws {EngineError} `invalid` for a session without an id */
export function sessionHeadersOf(headers: IncomingHttpHeaders): SessionHeaders {
  const text = (name: string) => String(headers[`x-docker-expose-session-${name}`] ?? '');
  const id = text('uuid');
  if (id === '') throw new EngineError('invalid', 'Cannot open build session: it has no id');
  const methods = text('grpc-method')
    .split(/,\s*/)
    .filter((method) => method !== '');
  return {
    id,
    methods: new Set(methods.map((method) => method.toLowerCase())),
    sharedKey: text('sharedkey'),
  };
}
