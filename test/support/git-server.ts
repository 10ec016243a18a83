/** A real http server of git repositories, which shows them to clients that have logged in. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

export interface GitRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

/** Whether it has answered by itself, instead of with a repository. */
export type Gate = (request: GitRequest, response: ServerResponse) => boolean;

export class GitServer implements AsyncDisposable {
  readonly directory = mkdtempSync('/tmp/caisson-test-git-');
  /** All that have come. */
  readonly requests: GitRequest[] = [];
  /** `host:port`. */
  readonly host: string;
  readonly origin: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    this.origin = `http://${this.host}`;
  }

  /** @param gate answers those that it does not let in */
  static async start(gate: Gate): Promise<GitServer> {
    const server = createServer((request, response) => {
      const { url: path = '', headers } = request;
      const { authorization } = headers;
      started.requests.push({ path, authorization });
      if (gate({ path, authorization }, response)) return;
      started.#serve(request, response).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const started = new GitServer(server);
    return started;
  }

  /** @returns its URL */
  addRepository(name: string, source: string): string {
    const path = join(this.directory, `${name}.git`);
    rmSync(path, { recursive: true, force: true });
    execFileSync('git', ['clone', '-q', '--bare', source, path]);
    return `${this.origin}/${name}.git`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Serves a request by CGI (RFC 3875). */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '', this.origin);
    const { headers } = request;
    const child = spawn('git', ['-c', 'safe.directory=*', 'http-backend'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: this.directory,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: headers['content-type'],
        HTTP_CONTENT_ENCODING: headers['content-encoding'],
        GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      },
    });
    child.stdin.on('error', () => undefined);
    request.pipe(child.stdin);
    const answer = await buffer(child.stdout);
    const end = answer.indexOf('\r\n\r\n');
    const fields = answer
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => /^([^:]+): *(.*)$/.exec(line)?.slice(1) ?? []);
    for (const [name = '', value = ''] of fields)
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    response.end(answer.subarray(end + 4));
  }
}
