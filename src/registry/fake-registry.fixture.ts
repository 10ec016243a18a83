/** A registry in memory that tests can make misbehave; speaks plain http on a free port of loopback. */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import https from 'node:https';
import { gzipSync } from 'node:zlib';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';

export interface StoredDocument {
  readonly mediaType: string;
  readonly content: Buffer;
}

interface UploadTarget {
  readonly repository: string;
  readonly session: string;
  readonly query: URLSearchParams;
}

/** Answers in place of the registry: true if it did. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

export interface FakeImageOptions {
  readonly compress?: (tar: Buffer) => Buffer;
  readonly layerType?: string;
  readonly config?: object;
  readonly configType?: string;
}

export interface FakeImage {
  readonly digest: Digest;
  readonly configDigest: Digest;
  readonly layers: readonly Digest[];
}

export function digestOf(content: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

export class FakeRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  /** By `repository@digest` and `repository:tag`. */
  readonly manifests = new Map<string, StoredDocument>();
  readonly uploads = new Map<string, Buffer>();
  /** `GET /v2/… range authorization`, in order of arrival. */
  readonly requests: string[] = [];
  intercept: Intercept = () => false;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** @param tls makes it speak https */
  static async start(intercept?: Intercept, tls?: https.ServerOptions): Promise<FakeRegistry> {
    const server = tls ? https.createServer(tls) : createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const registry = new FakeRegistry(server);
    if (intercept) registry.intercept = intercept;
    return registry;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Requests whose text has all of `parts`. */
  count(...parts: readonly string[]): number {
    return this.requests.filter((request) => parts.every((part) => request.includes(part))).length;
  }

  addBlob(content: Buffer): Digest {
    const digest = digestOf(content);
    this.blobs.set(digest, content);
    return digest;
  }

  addManifest(repository: string, tag: string, mediaType: string, content: Buffer): Digest {
    const digest = digestOf(content);
    this.manifests.set(`${repository}@${digest}`, { mediaType, content });
    this.manifests.set(`${repository}:${tag}`, { mediaType, content });
    return digest;
  }

  /** An image of these tars, gzipped unless told otherwise. */
  addImage(
    repository: string,
    tag: string,
    tars: readonly Buffer[],
    options: FakeImageOptions = {},
  ): FakeImage {
    const { compress = (tar) => gzipSync(tar), layerType = MEDIA_TYPES.ociLayerGzip } = options;
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['sh'] },
        rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
        history: tars.map((_, index) => ({ created_by: `step ${index}` })),
        ...options.config,
      }),
    );
    const blobs = tars.map(compress);
    const layers = blobs.map((blob) => this.addBlob(blob));
    const manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: {
        mediaType: options.configType ?? MEDIA_TYPES.ociConfig,
        digest: this.addBlob(config),
        size: config.length,
      },
      layers: blobs.map((blob) => ({ mediaType: layerType, digest: digestOf(blob), size: blob.length })),
    };
    const content = Buffer.from(JSON.stringify(manifest));
    const digest = this.addManifest(repository, tag, MEDIA_TYPES.ociManifest, content);
    return { digest, configDigest: digestOf(config), layers };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const { method = '', url = '', headers } = request;
    this.requests.push(`${method} ${url} ${headers.range ?? '-'} ${headers.authorization ?? '-'}`);
    if (await this.intercept(request, response)) return;
    const { pathname, searchParams } = new URL(url, 'http://x');
    const [, repository = '', kind = '', rest = ''] =
      /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|tags)\/(.*)$/.exec(pathname) ?? [];
    if (pathname === '/v2/') response.end('{}');
    else if (kind === 'manifests') await this.#manifest(request, response, repository, rest);
    else if (kind === 'blobs/uploads')
      await this.#upload(request, response, { repository, session: rest, query: searchParams });
    else if (kind === 'blobs') this.#blob(request, response, rest);
    else if (kind === 'tags') this.#tags(response, repository, searchParams);
    else sendError(response, 404, 'UNSUPPORTED');
  }

  async #manifest(request: IncomingMessage, response: ServerResponse, repository: string, reference: string) {
    if (request.method === 'PUT') {
      const content = await bodyOf(request);
      const digest = this.addManifest(repository, reference, request.headers['content-type'] ?? '', content);
      response.writeHead(201, { 'Docker-Content-Digest': digest }).end();
      return;
    }
    const separator = reference.includes(':') ? '@' : ':';
    const found = this.manifests.get(`${repository}${separator}${reference}`);
    if (!found) return sendError(response, 404, 'MANIFEST_UNKNOWN');
    response.writeHead(200, {
      'Content-Type': found.mediaType,
      'Content-Length': String(found.content.length),
      'Docker-Content-Digest': digestOf(found.content),
    });
    response.end(request.method === 'HEAD' ? undefined : found.content);
  }

  #blob(request: IncomingMessage, response: ServerResponse, digest: string): void {
    const content = this.blobs.get(digest);
    if (!content) return sendError(response, 404, 'BLOB_UNKNOWN');
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const part = content.subarray(start);
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Length': String(part.length),
      ...(start > 0 ? { 'Content-Range': range } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, session, query }: UploadTarget,
  ): Promise<void> {
    if (request.method === 'POST') return this.#openUpload(response, repository, query);
    const before = this.uploads.get(session);
    if (!before) return sendError(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    if (request.method === 'PATCH' || request.method === 'PUT') {
      // What arrives before a cut counts.
      let content = before;
      for await (const chunk of request as AsyncIterable<Buffer>) {
        content = Buffer.concat([content, chunk]);
        this.uploads.set(session, content);
      }
    }
    const content = this.uploads.get(session) ?? before;
    const digest = query.get('digest');
    if (request.method === 'PUT' && digest !== digestOf(content))
      return sendError(response, 400, 'DIGEST_INVALID');
    if (request.method === 'PUT') this.addBlob(content);
    response.writeHead(request.method === 'PUT' ? 201 : request.method === 'GET' ? 204 : 202, {
      Location: `/v2/${repository}/blobs/uploads/${session}`,
      Range: `0-${Math.max(0, content.length - 1)}`,
    });
    response.end();
  }

  #openUpload(response: ServerResponse, repository: string, query: URLSearchParams): void {
    if (this.blobs.has(query.get('mount') ?? '')) {
      response.writeHead(201, { Location: `/v2/${repository}/blobs/${query.get('mount')}` }).end();
      return;
    }
    const session = randomUUID();
    this.uploads.set(session, Buffer.alloc(0));
    response.writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${session}?state=x` }).end();
  }

  #tags(response: ServerResponse, repository: string, query: URLSearchParams): void {
    const prefix = `${repository}:`;
    const all = [...this.manifests.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
    const [page = '', ...rest] = all.toSorted().filter((tag) => tag > (query.get('last') ?? ''));
    const next = `</v2/${repository}/tags/list?last=${page}>; rel="next"`;
    response.writeHead(200, rest.length > 0 ? { Link: next } : {});
    response.end(JSON.stringify({ name: repository, tags: page === '' ? null : [page] }));
  }
}

export function sendError(response: ServerResponse, status: number, code: string, headers = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
}
