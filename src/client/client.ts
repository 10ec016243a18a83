import { errnoOf } from '#base/errno.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import { ApiError, apiErrorFrom } from './api-error.ts';
import type { ByteQueue } from './byte-queue.ts';
import { Connection, type ConnectionResponse, type RequestBody } from './connection.ts';
import { parseHost, type Endpoint, type TlsChoice } from './host.ts';
import { openTransport, type Transport, type TransportEvents } from './transport.ts';

/** Query parameters; undefined and false ones are left out, true is `1`, lists repeat the name. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

interface ClientRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent in chunks, as `application/x-tar` unless the headers say otherwise. */
  readonly body?: RequestBody;
}

interface ClientResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to its end, or the connection is not used again. */
  readonly body: ByteQueue;
}

/** A connection taken over for a raw stream in both directions. */
export interface Hijacked extends AsyncDisposable {
  /** Frames of stdout and stderr (`application/vnd.docker.multiplexed-stream`) rather than one raw stream. */
  readonly multiplexed: boolean;
  readonly output: ByteQueue;
  /** Resolves when the peer takes more. */
  write(chunk: Uint8Array): Promise<void>;
  /** The end of input; output still arrives. */
  endInput(): void;
  close(): void;
}

export interface ClientOptions {
  /** `unix:///path`, `tcp://host:port`; see {@link parseHost}. */
  readonly host: string;
  readonly tls?: TlsChoice;
  /** The API version to speak, instead of the newest that both know. */
  readonly apiVersion?: string | undefined;
  readonly userAgent?: string;
  /** Sent with every request; the client's own headers come before them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called when nothing listens; true if it may have changed that, and connecting is worth another try. */
  readonly onUnreachable?: () => Promise<boolean>;
}

/** The newest version of the API that this client speaks. */
export const CLIENT_API_VERSION = '1.51';

/**
 * Speaks the Docker Engine API over as few connections and round trips as the requests allow: connections are kept
 * for the next request, and the version is negotiated only where the engine refuses this client's.
 */
export interface Client extends Disposable {
  readonly host: string;
  /** The version spoken so far; settled once the engine accepted a request. */
  readonly apiVersion: string;
  /**
   * @throws {ApiError} if the engine answered with an error
   * @throws {EngineError} `unavailable` if nothing listens there
   */
  request(request: ClientRequest): Promise<ClientResponse>;
  /** The same, and reads the answer as JSON; undefined where it is empty. */
  json<T>(request: ClientRequest): Promise<T>;
  /** The same, and reads the answer to its end. */
  run(request: ClientRequest): Promise<void>;
  hijack(request: ClientRequest): Promise<Hijacked>;
  /** A connection for other bytes than this client's. */
  dial(events: TransportEvents): Promise<Transport>;
  /** Opens connections ahead of their use; errors show when they are used. */
  warm(count: number): void;
  close(): void;
}

export function createClient(options: ClientOptions): Client {
  return new HttpClient(options);
}

class HttpClient implements Client {
  readonly host: string;
  readonly #options: ClientOptions;
  readonly #endpoint: Endpoint;
  readonly #extraHeaders: Readonly<Record<string, string>>;
  readonly #idle: Connection[] = [];
  readonly #warming: Promise<Connection | undefined>[] = [];
  #apiVersion: string;
  #settled: boolean;

  constructor(options: ClientOptions) {
    this.host = options.host;
    this.#options = options;
    this.#endpoint = parseHost(options.host, options.tls);
    this.#extraHeaders = usableHeaders(options.headers ?? {});
    this.#apiVersion = options.apiVersion || CLIENT_API_VERSION;
    this.#settled = Boolean(options.apiVersion);
  }

  get apiVersion(): string {
    return this.#apiVersion;
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const { response } = await this.#exchange(request, false);
    return response;
  }

  async json<T>(request: ClientRequest): Promise<T> {
    const response = await this.request(request);
    const text = (await response.body.all()).toString('utf8');
    const decoded: T = text === '' ? undefined : JSON.parse(text);
    return decoded;
  }

  async run(request: ClientRequest): Promise<void> {
    const response = await this.request(request);
    await response.body.all();
  }

  async hijack(request: ClientRequest): Promise<Hijacked> {
    const { connection, response } = await this.#exchange(request, true);
    const type = response.headers['content-type'] ?? '';
    return {
      multiplexed: type.includes('multiplexed-stream'),
      output: response.body,
      write: (chunk) => connection.write(chunk),
      endInput: () => connection.endWrite(),
      close: () => connection.destroy(),
      [Symbol.asyncDispose]: () => {
        connection.destroy();
        return Promise.resolve();
      },
    };
  }

  dial(events: TransportEvents): Promise<Transport> {
    return this.#reached(() => openTransport(this.#endpoint, events));
  }

  warm(count: number): void {
    // Through ssh a connection costs a log-in.
    if (this.#endpoint.kind === 'ssh') return;
    for (let each = 0; each < count; each++) {
      this.#warming.push(this.#open().catch(() => undefined));
    }
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
    for (const warming of this.#warming.splice(0)) void warming.then((connection) => connection?.destroy());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #exchange(request: ClientRequest, upgrade: boolean): Promise<Exchanged> {
    // A streamed body cannot be sent twice, so the version must be settled before it starts.
    if (request.body && !this.#settled) await this.#settleVersion();
    const first = await this.#send(request, upgrade);
    if (first.response.status < 400) return this.#accepted(first);
    const error = await readError(first.response);
    const version = this.#settled || error.status !== 400 ? undefined : versionWanted(error.message);
    if (version === undefined) throw error;
    this.#apiVersion = version;
    const second = await this.#send(request, upgrade);
    if (second.response.status >= 400) throw await readError(second.response);
    return this.#accepted(second);
  }

  #accepted(exchanged: Exchanged): Exchanged {
    this.#settled = true;
    return exchanged;
  }

  async #settleVersion(): Promise<void> {
    await this.run({ method: 'HEAD', path: '/_ping' });
  }

  async #send(request: ClientRequest, upgrade: boolean): Promise<Exchanged> {
    const head = this.#head(request, upgrade);
    const connection = await this.#connection();
    const response = await connection.exchange(head, request.body, request.method === 'HEAD');
    return { connection, response };
  }

  #head(request: ClientRequest, upgrade: boolean): string | Buffer {
    const json = request.json === undefined ? undefined : Buffer.from(JSON.stringify(request.json));
    const lines = [
      `${request.method} /v${this.#apiVersion}${request.path}${encodeQuery(request.query)} HTTP/1.1`,
      `Host: ${this.#endpoint.kind === 'unix' ? 'caisson' : this.#endpoint.host}`,
      `User-Agent: ${this.#options.userAgent ?? 'caisson'}`,
      ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
      ...bodyHeaders(request, json),
      ...Object.entries({ ...this.#extraHeaders, ...request.headers }).map(
        ([name, value]) => `${name}: ${value}`,
      ),
    ];
    const text = `${lines.join('\r\n')}\r\n\r\n`;
    return json ? Buffer.concat([Buffer.from(text, 'latin1'), json]) : text;
  }

  async #connection(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (idle.usable) return idle;
    const warm = await this.#warming.shift();
    return warm?.usable ? warm : this.#open();
  }

  async #open(): Promise<Connection> {
    const keep = (connection: Connection): void => void this.#idle.push(connection);
    return this.#reached(() => Connection.open(this.#endpoint, keep));
  }

  async #reached<T>(open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      if (!(await this.#options.onUnreachable?.())) throw this.#unreachable(error);
    }
    return open().catch((error: unknown) => {
      throw this.#unreachable(error);
    });
  }

  #unreachable(cause: unknown): EngineError {
    return new EngineError(
      'unavailable',
      `Cannot connect to the engine at ${this.host}: ${whyUnreachable(cause)}`,
      {
        cause,
      },
    );
  }
}

interface Exchanged {
  readonly connection: Connection;
  readonly response: ConnectionResponse;
}

/** The headers that frame a request are the client's alone. */
const RESERVED = [
  'host',
  'user-agent',
  'connection',
  'upgrade',
  'content-type',
  'content-length',
  'transfer-encoding',
];

/** Names are tokens and values one line (RFC 9110, section 5): anything else would be another request. */
function usableHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).filter(([name]) => !RESERVED.includes(name.toLowerCase()));
  for (const [name, value] of entries) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    throw new EngineError('invalid', `Cannot send the header "${name}": its name or value is malformed`);
  }
  return Object.fromEntries(entries);
}

function bodyHeaders(request: ClientRequest, json: Buffer | undefined): readonly string[] {
  if (json) return ['Content-Type: application/json', `Content-Length: ${json.length}`];
  if (!request.body)
    return request.method === 'POST' || request.method === 'PUT' ? ['Content-Length: 0'] : [];
  const named = Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === 'content-type');
  return [...(named ? [] : ['Content-Type: application/x-tar']), 'Transfer-Encoding: chunked'];
}

function encodeQuery(query: Query = {}): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value === true ? '1' : value];
    for (const each of values) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`);
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

async function readError(response: ConnectionResponse): Promise<ApiError> {
  return apiErrorFrom(response.status, (await response.body.all()).toString('utf8'));
}

/** The version that the engine names where it refuses ours (moby's version middleware). */
function versionWanted(message: string): string | undefined {
  return /(?:Maximum|Minimum) supported API version is ([0-9.]+)/i.exec(message)?.[1]?.replace(/\.$/, '');
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'nothing listens there',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'permission denied (are you root, or in the group of the socket?)',
  ENOTFOUND: 'the host name is not known',
  ETIMEDOUT: 'the host does not answer',
};

function whyUnreachable(error: unknown): string {
  return REASONS[errnoOf(error)] ?? messageOf(error);
}

/** A path with its parts escaped, slashes in names kept: image names carry them. */
export function path(strings: TemplateStringsArray, ...names: readonly string[]): string {
  return strings.reduce((whole, part, index) => whole + escapeName(names[index - 1] ?? '') + part);
}

function escapeName(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@');
}

/** Filters as the API takes them: `{"label":{"a=b":true}}`; undefined where there are none. */
export function encodeFilters(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  const entries = Object.entries(filters).map(([name, values]) => [
    name,
    Object.fromEntries(values.map((value) => [value, true])),
  ]);
  return entries.length === 0 ? undefined : JSON.stringify(Object.fromEntries(entries));
}
