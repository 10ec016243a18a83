/** A client of BuildKit's services that leads its builds itself, over the daemon's `/grpc` and `/session`. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { duplexOf } from '../../src/api/buildkit/byte-streams.ts';
import { GrpcClient } from '../../src/api/buildkit/grpc-client.ts';
import { FrameWriter, messagesOf } from '../../src/api/buildkit/grpc-frames.ts';
import { GRPC_OK, GrpcError, trailersOf } from '../../src/api/buildkit/grpc-status.ts';
import { statOf } from '../../src/api/buildkit/tree-sender.ts';
import type { FileEntry, FileQuery, FileTransfer } from '../../src/build/session/build-session.ts';
import { LocalTransfer } from '../../src/build/program/local-transfer.ts';
import { compileIgnore } from '../../src/oci/ignore.ts';
import {
  message,
  type InputOf,
  type MessageOf,
  type MessageType,
  int32,
} from '../../src/wire/buildkit/message.ts';
import {
  BuildHistoryRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
} from '../../src/wire/buildkit/control.ts';
import * as gateway from '../../src/wire/buildkit/gateway.ts';
import { BytesMessage, Empty } from '../../src/wire/buildkit/common.ts';
import {
  CheckAgentRequest,
  FetchTokenRequest,
  FetchTokenResponse,
  GetSecretRequest,
  GetSecretResponse,
  Packet,
  PACKET_DATA,
  PACKET_END,
  PACKET_REQUEST,
  PACKET_STAT,
} from '../../src/wire/buildkit/session.ts';
import type { AgentSource } from '../../src/base/ssh-agent/agent-source.ts';
import type { Subject } from './subject.ts';

export interface Served {
  /** Directories by the names that builds have for them. */
  readonly directories?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly agents?: Readonly<Record<string, AgentSource>>;
  /** Tokens for registries; credentials it has none. */
  readonly token?: (wanted: MessageOf<typeof FetchTokenRequest>) => string;
  /** Hears of the build while it goes on. */
  readonly hear?: (status: Status) => void;
  /** Where the session is opened: by a request of its own, or, as by BuildKit's own client, within `/grpc`. */
  readonly sessionOver?: '/session' | '/grpc';
}

export type Status = MessageOf<typeof StatusResponse>;
type Response = ReadonlyMap<string, string>;

const CONTROL = '/moby.buildkit.v1.Control';
const BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge';

/** One connection. */
export class BuildkitClient implements Disposable {
  readonly #subject: Subject;
  readonly #sockets: Socket[] = [];
  readonly #grpc: GrpcClient;
  readonly #served: Served;

  private constructor(subject: Subject, socket: Socket, served: Served) {
    this.#subject = subject;
    this.#served = served;
    this.#sockets.push(socket);
    this.#grpc = new GrpcClient(wrapped(socket));
  }

  static async connect(subject: Subject, served: Served = {}): Promise<BuildkitClient> {
    return new BuildkitClient(subject, await upgraded(subject, '/grpc', {}), served);
  }

  /** Leads a build: what `lead` returns is exported. @returns what exporters answer */
  async build(
    wishes: Partial<InputOf<typeof SolveRequest>>,
    lead: (build: LedBuild) => Promise<InputOf<typeof gateway.Result>>,
  ): Promise<{ readonly response: Response; readonly told: readonly Status[] }> {
    const reference = randomUUID();
    const solving = this.solve({ ...wishes, Ref: reference });
    solving.catch(() => undefined);
    const led = new LedBuild(this.#grpc, reference);
    try {
      await led.ping();
      await led.end({ result: await lead(led) });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const status = error instanceof GrpcError ? error.status : { code: 2, message: text, details: [] };
      await led.end({ error: status });
    }
    return await solving;
  }

  /** A build without a client to lead it. */
  async solve(
    wishes: Partial<InputOf<typeof SolveRequest>>,
  ): Promise<{ readonly response: Response; readonly told: readonly Status[] }> {
    const Session = randomUUID();
    const session = await this.#openSession(Session);
    try {
      const all = { Ref: randomUUID(), Session, ...wishes };
      const told = this.#status(all.Ref);
      const types = [SolveRequest, SolveResponse] as const;
      const { ExporterResponse } = await call(this.#grpc, `${CONTROL}/Solve`, types, all);
      return { response: ExporterResponse, told: await told };
    } finally {
      session.destroy();
    }
  }

  /** What there is of builds that are over; ends when the engine has told it. */
  async history(): Promise<number> {
    using stream = this.#grpc.open(`${CONTROL}/ListenBuildHistory`, {}, never);
    await stream.send(BuildHistoryRequest.encode({ EarlyExit: true }));
    stream.end();
    let events = 0;
    for await (const _ of stream.messages()) events++;
    return events;
  }

  async #status(Ref: string): Promise<readonly Status[]> {
    using stream = this.#grpc.open(`${CONTROL}/Status`, {}, never);
    await stream.send(StatusRequest.encode({ Ref }));
    stream.end();
    const told: Status[] = [];
    try {
      for await (const bytes of stream.messages()) {
        const status = StatusResponse.decode(bytes);
        told.push(status);
        this.#served.hear?.(status);
      }
    } catch {
      // A build that fails at once may be gone before it is asked after.
    }
    return told;
  }

  async #openSession(id: string): Promise<Duplex> {
    const connection = await this.#connectSession({
      'x-docker-expose-session-uuid': id,
      'x-docker-expose-session-name': 'test',
      'x-docker-expose-session-grpc-method': this.#served.token ? [...METHODS, TOKEN] : METHODS,
    });
    const session = performServerHandshake(connection).on('error', () => undefined);
    session.on('stream', (stream, headers) => {
      // A client that leaves, or whose engine does, is what some tests are about.
      serve(stream, headers, this.#served).catch(() => stream.destroy());
    });
    return connection;
  }

  async #connectSession(headers: Readonly<Record<string, string | string[]>>): Promise<Duplex> {
    if (this.#served.sessionOver === '/grpc') {
      const connection = duplexOf(this.#grpc.open(`${CONTROL}/Session`, headers, never));
      return connection.on('error', () => undefined);
    }
    const socket = await upgraded(this.#subject, '/session', headers);
    this.#sockets.push(socket);
    return wrapped(socket).on('close', () => socket.destroy());
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** What a client that leads a build may ask; see `gateway.proto`. */
export class LedBuild {
  readonly #grpc: GrpcClient;
  readonly #reference: string;

  constructor(grpc: GrpcClient, reference: string) {
    this.#grpc = grpc;
    this.#reference = reference;
  }

  ping() {
    return this.#call('Ping', [Empty, gateway.PongResponse], {});
  }

  async solve(wanted: InputOf<typeof gateway.BridgeSolveRequest>): Promise<MessageOf<typeof gateway.Result>> {
    const types = [gateway.BridgeSolveRequest, gateway.BridgeSolveResponse] as const;
    const all = { allowResultReturn: true, allowResultArrayRef: true, ...wanted };
    const { result } = await this.#call('Solve', types, all);
    if (!result) throw new Error('there is no result');
    return result;
  }

  async readFile(Ref: string, FilePath: string, Range?: { Offset: number; Length: number }): Promise<Buffer> {
    const types = [gateway.ReadFileRequest, gateway.ReadFileResponse] as const;
    const { Data } = await this.#call('ReadFile', types, { Ref, FilePath, ...(Range && { Range }) });
    return Buffer.from(Data);
  }

  async readDirectory(Ref: string, DirPath: string, IncludePattern = '') {
    const types = [gateway.ReadDirectoryRequest, gateway.ReadDirectoryResponse] as const;
    return (await this.#call('ReadDir', types, { Ref, DirPath, IncludePattern })).entries;
  }

  async statFile(Ref: string, Path: string) {
    const types = [gateway.StatFileRequest, gateway.StatFileResponse] as const;
    return (await this.#call('StatFile', types, { Ref, Path })).stat;
  }

  evaluate(Ref: string) {
    return this.#call('Evaluate', [gateway.EvaluateRequest, Empty], { Ref });
  }

  inputs() {
    return this.#call('Inputs', [Empty, gateway.InputsResponse], {});
  }

  warn(warning: InputOf<typeof gateway.WarnRequest>) {
    return this.#call('Warn', [gateway.WarnRequest, Empty], warning);
  }

  resolveImage(wanted: InputOf<typeof gateway.ResolveImageRequest>) {
    return this.#call(
      'ResolveImageConfig',
      [gateway.ResolveImageRequest, gateway.ResolveImageResponse],
      wanted,
    );
  }

  resolveSource(wanted: InputOf<typeof gateway.ResolveSourceRequest>) {
    const types = [gateway.ResolveSourceRequest, gateway.ResolveSourceResponse] as const;
    return this.#call('ResolveSourceMeta', types, wanted);
  }

  end(returned: InputOf<typeof gateway.ReturnRequest>) {
    return this.#call('Return', [gateway.ReturnRequest, Empty], returned);
  }

  #call<Q, R>(method: string, types: Types<Q, R>, wanted: Q): Promise<R> {
    const metadata = { 'buildkit-controlapi-buildid': this.#reference };
    return call(this.#grpc, `${BRIDGE}/${method}`, types, wanted, metadata);
  }
}

type Types<Q, R> = readonly [MessageType<unknown, Q>, MessageType<R, never>];

const never = new AbortController().signal;

async function call<Q, R>(
  grpc: GrpcClient,
  path: string,
  [request, response]: Types<Q, R>,
  wanted: Q,
  metadata = {},
): Promise<R> {
  using stream = grpc.open(path, metadata, never);
  await stream.send(request.encode(wanted));
  stream.end();
  let reply = Buffer.alloc(0);
  for await (const received of stream.messages()) reply = Buffer.from(received);
  return response.decode(reply);
}

async function upgraded(
  { socket: socketPath }: Subject,
  path: string,
  headers: Readonly<Record<string, string | string[]>>,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const all = { connection: 'Upgrade', upgrade: 'h2c', ...headers };
  const upgrading = request({ socketPath, path, method: 'POST', headers: all });
  upgrading.once('upgrade', (_, socket: Socket, head) => {
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  upgrading.once('response', ({ statusCode }) => reject(new Error(`no upgrade to ${path}: ${statusCode}`)));
  upgrading.once('error', reject);
  upgrading.end();
  return await promise;
}

/** HTTP/2 on a bare socket misses what has been read of it already. */
function wrapped(socket: Socket): Duplex {
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _, done) => void socket.write(chunk, () => done()),
    final: (done) => void socket.end(done),
  });
  socket.on('data', (chunk) => {
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.on('error', () => undefined);
  socket.on('end', () => duplex.push(null));
  socket.on('close', () => duplex.destroy());
  return duplex;
}

const HEALTH = '/grpc.health.v1.Health/Check';
const SECRET = '/moby.buildkit.secrets.v1.Secrets/GetSecret';
const TOKEN = '/moby.filesync.v1.Auth/FetchToken';
const FILES = '/moby.filesync.v1.FileSync/DiffCopy';
const CHECK_AGENT = '/moby.sshforward.v1.SSH/CheckAgent';
const AGENT = '/moby.sshforward.v1.SSH/ForwardAgent';
const AGENT_ID = 'buildkit.ssh.id';
const METHODS = [HEALTH, SECRET, FILES, CHECK_AGENT, AGENT];
/** `SERVING`. */
const Health = message({ status: int32(1) });
const NOT_FOUND = 5;

async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, served: Served): Promise<void> {
  stream.on('error', () => undefined);
  let status = { code: GRPC_OK, message: '', details: [] as never[] };
  stream.on('wantTrailers', () => stream.sendTrailers(trailersOf(status)));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  const writer = new FrameWriter(stream);
  const path = String(headers[':path']);
  if (path === FILES) await sendFiles(stream, writer, headers, served);
  else if (path === AGENT) await forwardAgent(stream, writer, served.agents?.[String(headers[AGENT_ID])]);
  else {
    const [first = Buffer.alloc(0)] = await Array.fromAsync(messagesOf(stream));
    const secret = path === SECRET ? served.secrets?.[GetSecretRequest.decode(first).ID] : undefined;
    const wanted = path === TOKEN ? FetchTokenRequest.decode(first) : undefined;
    if (wanted && served.token)
      await writer.write(FetchTokenResponse.encode({ Token: served.token(wanted) }));
    else if (path === CHECK_AGENT && served.agents?.[CheckAgentRequest.decode(first).ID])
      await writer.write(Empty.encode({}));
    else if (path === HEALTH) await writer.write(Health.encode({ status: 1 }));
    else if (secret !== undefined)
      await writer.write(GetSecretResponse.encode({ data: Buffer.from(secret) }));
    else status = { ...status, code: NOT_FOUND, message: `nothing at ${path}` };
  }
  stream.end();
}

async function forwardAgent(
  stream: ServerHttp2Stream,
  writer: FrameWriter,
  source: AgentSource | undefined,
): Promise<void> {
  const agent = await source?.open();
  if (!agent) return;
  const answering = (async () => {
    for await (const data of agent) await writer.write(BytesMessage.encode({ data }));
  })();
  for await (const bytes of messagesOf(stream)) agent.write(BytesMessage.decode(bytes).data);
  agent.end();
  await answering;
}

async function sendFiles(
  stream: ServerHttp2Stream,
  writer: FrameWriter,
  headers: IncomingHttpHeaders,
  { directories = {} }: Served,
): Promise<void> {
  // Node gives several headers of a name as one.
  const list = (name: string): readonly string[] =>
    String(headers[name] ?? '')
      .split(', ')
      .filter((value) => value !== '')
      .map((value) => (headers[`${name}-encoded`] ? decodeURIComponent(value) : value));
  const query = {
    directory: String(headers['dir-name']),
    followPaths: list('followpaths'),
    includePatterns: list('include-patterns'),
    excludePatterns: list('exclude-patterns'),
  };
  const transfer = new LocalTransfer(directories[query.directory] ?? '', query);
  const positions: number[] = [];
  for await (const [position, entry] of includedEntries(transfer, query)) {
    positions.push(position);
    await writer.write(
      Packet.encode({ type: PACKET_STAT, stat: statOf({ ...entry, uid: 0, gid: 0 }) ?? {} }),
    );
  }
  await writer.write(Packet.encode({ type: PACKET_STAT }));
  for await (const bytes of messagesOf(stream)) {
    const { type, ID } = Packet.decode(bytes);
    if (type === PACKET_END) break;
    if (type !== PACKET_REQUEST) continue;
    for await (const data of transfer.contents(positions[ID] ?? 0))
      await writer.write(Packet.encode({ type: PACKET_DATA, ID, data }));
    await writer.write(Packet.encode({ type: PACKET_DATA, ID }));
  }
  await writer.write(Packet.encode({ type: PACKET_END }));
}

/** The entries that are included, with the directories on the way to them. */
async function* includedEntries(
  transfer: FileTransfer,
  { includePatterns }: FileQuery,
): AsyncGenerator<readonly [position: number, entry: FileEntry], void> {
  const entries = await Array.fromAsync(transfer.entries());
  const matcher = compileIgnore(includePatterns);
  const isWanted = ({ path }: FileEntry) => includePatterns.length === 0 || matcher.matches(path);
  for (const [position, entry] of entries.entries())
    if (
      isWanted(entry) ||
      entries.some((other) => other.path.startsWith(`${entry.path}/`) && isWanted(other))
    )
      yield [position, entry];
}
