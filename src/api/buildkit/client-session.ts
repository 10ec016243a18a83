/** What a BuildKit client serves over the connection of its `/session`. */
import type { OutgoingHttpHeaders } from 'node:http2';
import type { Duplex, Readable, Writable } from 'node:stream';
import { EngineError, isEngineError } from '#base/errors.ts';
import type { BuildSession, FileQuery, FileTransfer, FileTree } from '#build/session/build-session.ts';
import { newId } from '#base/ids.ts';
import type { Credentials, TokenSource } from '#registry/token-source.ts';
import { Empty } from '#wire/buildkit/common.ts';
import {
  CheckAgentRequest,
  CredentialsRequest,
  CredentialsResponse,
  FetchTokenRequest,
  FetchTokenResponse,
  GetSecretRequest,
  GetSecretResponse,
} from '#wire/buildkit/session.ts';
import { duplexOf, readableOf, writableOf } from './byte-streams.ts';
import { ContentStore } from './content-store.ts';
import { SessionFileTransfer } from './file-transfer.ts';
import type { GrpcClient } from './grpc-client.ts';
import { sendTree } from './tree-sender.ts';

const METHODS = {
  receive: '/moby.filesync.v1.FileSync/DiffCopy',
  send: '/moby.filesync.v1.FileSend/DiffCopy',
  credentials: '/moby.filesync.v1.Auth/Credentials',
  token: '/moby.filesync.v1.Auth/FetchToken',
  secret: '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  checkAgent: '/moby.sshforward.v1.SSH/CheckAgent',
  agent: '/moby.sshforward.v1.SSH/ForwardAgent',
  upload: '/moby.upload.v1.Upload/Pull',
} as const;

/** The name by which clients know Docker Hub. */
const HUB_HOST = 'registry-1.docker.io';
const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'https://index.docker.io/v1/']);

/** What BuildKit's clients take a token for that does not say. */
const DEFAULT_LIFETIME_SECONDS = 60;

export class ClientSession implements BuildSession {
  readonly sharedKey?: string;
  readonly #client: GrpcClient;
  readonly #methods: ReadonlySet<string>;
  readonly #id = newId();

  /** @param methods that the client says it serves */
  constructor(client: GrpcClient, { methods, sharedKey }: SessionDescription) {
    this.#client = client;
    this.#methods = methods;
    if (sharedKey !== '') this.sharedKey = sharedKey;
  }

  get closed(): AbortSignal {
    return this.#client.closed;
  }

  openFiles(query: FileQuery, signal: AbortSignal): FileTransfer {
    this.#require('receive', 'files');
    return new SessionFileTransfer(this.#client.open(METHODS.receive, queryMetadata(query), signal));
  }

  async secret(id: string, signal: AbortSignal): Promise<Buffer | undefined> {
    if (!this.#serves('secret')) return undefined;
    const types = [GetSecretRequest, GetSecretResponse] as const;
    const response = await orNothing(this.#client.call(METHODS.secret, types, { ID: id }, signal));
    return response && Buffer.from(response.data);
  }

  async hasSshAgent(id: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#serves('checkAgent')) return false;
    try {
      await this.#client.call(METHODS.checkAgent, [CheckAgentRequest, Empty], { ID: id }, signal);
      return true;
    } catch (error) {
      if (isEngineError(error, 'aborted')) throw error;
      return false;
    }
  }

  openSshAgent(id: string): Promise<Duplex> {
    const stream = this.#client.open(METHODS.agent, { 'buildkit.ssh.id': id }, this.closed);
    return Promise.resolve(duplexOf(stream));
  }

  async credentials(host: string, signal: AbortSignal): Promise<Credentials | undefined> {
    const Host = HUB_NAMES.has(host) ? HUB_HOST : host;
    if (!this.#serves('credentials')) return this.#tokensFor(Host, signal);
    const types = [CredentialsRequest, CredentialsResponse] as const;
    const response = await orNothing(this.#client.call(METHODS.credentials, types, { Host }, signal));
    if (!response || response.Secret === '') return this.#tokensFor(Host, signal);
    const { Username: username, Secret: secret } = response;
    return username === '' ? { identityToken: secret } : { username, password: secret };
  }

  /** What a client has instead of a password may be a token, or a server of its own that gives them. */
  #tokensFor(Host: string, signal: AbortSignal): Credentials | undefined {
    if (!this.#serves('token')) return undefined;
    const types = [FetchTokenRequest, FetchTokenResponse] as const;
    const fetch: TokenSource['fetch'] = async ({ realm: Realm, service: Service, scopes: Scopes }) => {
      const wanted = { ClientID: 'caisson', Host, Realm, Service, Scopes };
      const response = await orNothing(this.#client.call(METHODS.token, types, wanted, signal));
      if (!response || response.Token === '') return undefined;
      return { value: response.Token, lifetimeSeconds: response.ExpiresIn || DEFAULT_LIFETIME_SECONDS };
    };
    return { tokens: { id: this.#id, fetch } };
  }

  openFile(
    output: number,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Writable> {
    this.#require('send', 'results');
    const metadata = Object.entries(attributes).map(([name, value]) => [`exporter-md-${name}`, value]);
    const headers = { ...Object.fromEntries(metadata), ...outputMetadata(output) };
    return Promise.resolve(writableOf(this.#client.open(METHODS.send, headers, signal)));
  }

  async sendTree(output: number, tree: FileTree, signal: AbortSignal): Promise<void> {
    this.#require('send', 'results');
    using stream = this.#client.open(METHODS.send, outputMetadata(output), signal);
    await sendTree(stream, tree);
  }

  /** A store of blobs that the client has for a cache. */
  contentStore(name: string): ContentStore {
    return new ContentStore(this.#client, name);
  }

  /** What the client uploads under a URL that it has made up: a context from its standard input. */
  upload(url: URL, signal: AbortSignal): Readable {
    this.#require('upload', 'an upload');
    const metadata = { urlpath: url.pathname, urlhost: url.host };
    return readableOf(this.#client.open(METHODS.upload, metadata, signal));
  }

  #serves(method: keyof typeof METHODS): boolean {
    return this.#methods.size === 0 || this.#methods.has(METHODS[method].toLowerCase());
  }

  #require(method: keyof typeof METHODS, what: string): void {
    if (!this.#serves(method))
      throw new EngineError('invalid', `Cannot exchange ${what} with the client: it does not offer that`);
  }
}

export interface SessionDescription {
  /** Paths in lower case: clients write them as they like. None: the client does not say. */
  readonly methods: ReadonlySet<string>;
  readonly sharedKey: string;
}

async function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isEngineError(error, 'not-found') || isEngineError(error, 'not-implemented')) return undefined;
    throw error;
  }
}

function outputMetadata(output: number): OutgoingHttpHeaders {
  return { 'buildkit-attachable-exporter-id': String(output), 'buildkit-exporter-multi-platform': '1' };
}

function queryMetadata({
  directory,
  followPaths,
  includePatterns,
  excludePatterns,
}: FileQuery): OutgoingHttpHeaders {
  return {
    'dir-name': directory,
    ...metadataList('followpaths', followPaths),
    ...metadataList('include-patterns', includePatterns),
    ...metadataList('exclude-patterns', excludePatterns),
  };
}

/** What does not fit into a header makes all of them encoded. */
function metadataList(name: string, values: readonly string[]): OutgoingHttpHeaders {
  if (values.length === 0) return {};
  if (values.every((value) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)))
    return { [name]: [...values] };
  return { [name]: values.map((value) => encodeURIComponent(value)), [`${name}-encoded`]: '1' };
}
