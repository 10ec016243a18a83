/** A repository through one endpoint. */
import { createHash } from 'node:crypto';
import { hasReason } from '#base/errors.ts';
import type { KeyedLock } from '#base/keyed-lock.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, isDigest, parseDigest } from '#oci/digest.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { decodeIndex, MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { HttpResponse } from './http-client.ts';
import { readBody } from './read-body.ts';
import type {
  ManifestReference,
  RemoteBlob,
  RemoteManifest,
  Repository,
  UploadOutcome,
  UploadRequest,
} from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';
import { uploadBlob } from './upload.ts';

const MANIFEST_TYPES = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.dockerManifest,
].join(', ');

const MAXIMUM_PAGE_BYTES = 8 * 1024 * 1024;
const TAGS_PER_PAGE = 1000;
const MAXIMUM_REFERRERS = 100_000;
/** A registry checks all blobs of a manifest, wherever it keeps them. */
const PUT_STALL_MS = 5 * 60_000;
/**
 * The digest is computed here, of the bytes that are sent. What the reference implementation means is an empty link to
 * a blob that the manifest names: another client is just writing it anew.
 */
const PASSING_FOR_MANIFESTS: readonly string[] = ['DIGEST_INVALID'];

export interface RepositoryClientOptions {
  readonly endpoint: EndpointClient;
  readonly path: string;
  readonly access: 'pull' | 'push';
  /** One lock a blob on its way to a repository, shared by all that send. */
  readonly uploads: KeyedLock<string>;
}

export class RepositoryClient implements Repository {
  readonly path: string;
  readonly #endpoint: EndpointClient;
  readonly #scopes: readonly string[];
  readonly #uploads: KeyedLock<string>;

  constructor({ endpoint, path, access, uploads }: RepositoryClientOptions) {
    this.path = path;
    this.#endpoint = endpoint;
    this.#scopes = [`repository:${path}:${access === 'push' ? 'pull,push' : 'pull'}`];
    this.#uploads = uploads;
  }

  get host(): string {
    return this.#endpoint.host;
  }

  async resolve(reference: ManifestReference): Promise<Pick<Descriptor, 'mediaType' | 'digest' | 'size'>> {
    const { headers, body } = await this.#requestManifest('HEAD', reference);
    body.resume();
    const digest = headers['docker-content-digest'];
    const size = Number(headers['content-length'] ?? Number.NaN);
    if (typeof digest === 'string' && isDigest(digest) && Number.isSafeInteger(size))
      return { mediaType: typeOf(headers['content-type']), digest, size };
    const manifest = await this.fetchManifest(reference);
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.content.length };
  }

  async fetchManifest(reference: ManifestReference): Promise<RemoteManifest> {
    const response = await this.#requestManifest('GET', reference);
    const content = await readBody(response, MAXIMUM_MANIFEST_BYTES);
    const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
    const told = response.headers['docker-content-digest'];
    const expected = isDigest(reference)
      ? reference
      : typeof told === 'string' && isDigest(told)
        ? told
        : digest;
    if (digest !== expected)
      throw this.#refusal(`manifest ${reference}`, `its content is ${digest}, not ${expected}`);
    return { mediaType: this.#mediaType(response, content, reference), digest, content };
  }

  async openBlob(digest: Digest, offset: number): Promise<RemoteBlob> {
    const response = await this.#endpoint.request({
      method: 'GET',
      target: `/v2/${this.path}/blobs/${digest}`,
      action: `download blob ${digest} of ${this.path}`,
      headers: { 'Accept-Encoding': 'identity', ...(offset > 0 ? { Range: `bytes=${offset}-` } : {}) },
      scopes: this.#scopes,
      isSingle: true,
    });
    const { body, headers, status } = response;
    // Nothing reads yet.
    body.on('error', () => undefined);
    if (status !== 206) return { offset: 0, ...totalOf(headers['content-length']), body };
    const [, start, total] = /^bytes (\d+)-\d*\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    if (Number(start) !== offset) {
      body.destroy();
      throw this.#refusal(`blob ${digest}`, 'the registry answers with another range than was asked for');
    }
    return { offset, ...totalOf(total), body };
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    const { status, body } = await this.#endpoint.request({
      method: 'HEAD',
      target: `/v2/${this.path}/blobs/${digest}`,
      action: `look for blob ${digest} in ${this.path}`,
      scopes: this.#scopes,
      accept: [404],
    });
    body.resume();
    return status !== 404;
  }

  /**
   * A blob that others are sending to the same repository is waited for, rather than sent twice: that spares the
   * bytes, and the reference implementation empties a blob's link before it writes it anew, so that a manifest which
   * names the blob is refused at that moment.
   */
  async upload(request: UploadRequest): Promise<UploadOutcome> {
    const key = `${this.host}/${this.path}@${request.descriptor.digest}`;
    using _ = await this.#uploads.acquire(key, this.#endpoint.signal);
    if (await this.hasBlob(request.descriptor.digest)) return { kind: 'exists' };
    return await uploadBlob({ endpoint: this.#endpoint, path: this.path, scopes: this.#scopes }, request);
  }

  async putManifest(reference: ManifestReference, manifest: Omit<RemoteManifest, 'digest'>): Promise<Digest> {
    const { headers, body } = await this.#endpoint.request({
      method: 'PUT',
      target: `/v2/${this.path}/manifests/${reference}`,
      action: `push manifest ${reference} to ${this.path}`,
      headers: { 'Content-Type': manifest.mediaType },
      body: () => manifest.content,
      scopes: this.#scopes,
      stallMs: PUT_STALL_MS,
      passing: PASSING_FOR_MANIFESTS,
    });
    body.resume();
    const digest = parseDigest(`sha256:${createHash('sha256').update(manifest.content).digest('hex')}`);
    const told = headers['docker-content-digest'];
    if (typeof told === 'string' && told !== digest)
      throw this.#refusal(`manifest ${reference}`, `the registry stored ${told}, not ${digest}`);
    return digest;
  }

  async *tags(): AsyncIterable<string> {
    let target: string | URL = `/v2/${this.path}/tags/list?n=${TAGS_PER_PAGE}`;
    const seen = new Set<string>();
    while (!seen.has(String(target))) {
      seen.add(String(target));
      const response: HttpResponse = await this.#endpoint.request({
        method: 'GET',
        target,
        action: `list tags of ${this.path}`,
        scopes: this.#scopes,
      });
      const shape = new JsonShape('list of tags');
      const page = shape.parse(await readBody(response, MAXIMUM_PAGE_BYTES), MAXIMUM_PAGE_BYTES);
      yield* shape.optionalStrings(page, 'tags', Number.POSITIVE_INFINITY) ?? [];
      const next = nextPage(response);
      if (!next) return;
      target = next;
    }
  }

  async referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
    const found = await this.#listedReferrers(subject, `/v2/${this.path}/referrers/${subject}${query}`);
    const all = found ?? (await this.#taggedReferrers(subject));
    // Not every registry knows the filter.
    return all.filter((each) => artifactType === undefined || each.artifactType === artifactType);
  }

  /** Page by page; undefined where the registry has no such list. */
  async #listedReferrers(subject: Digest, first: string): Promise<readonly Descriptor[] | undefined> {
    const all: Descriptor[] = [];
    const seen = new Set<string>();
    for (let target: string | URL | undefined = first; target && !seen.has(String(target)); ) {
      seen.add(String(target));
      const response: HttpResponse = await this.#endpoint.request({
        method: 'GET',
        target,
        action: `list referrers of ${subject}`,
        headers: { Accept: MEDIA_TYPES.ociIndex },
        scopes: this.#scopes,
        accept: [404],
      });
      if (response.status === 404) {
        response.body.resume();
        return undefined;
      }
      all.push(...decodeIndex(await readBody(response, MAXIMUM_MANIFEST_BYTES)).manifests);
      if (all.length > MAXIMUM_REFERRERS)
        throw this.#refusal(`referrers of ${subject}`, `more than ${MAXIMUM_REFERRERS}`);
      target = nextPage(response);
    }
    return all;
  }

  /** Registries from before version 1.1 have them under a tag (distribution-spec, "Referrers Tag Schema"). */
  async #taggedReferrers(subject: Digest): Promise<readonly Descriptor[]> {
    try {
      return decodeIndex((await this.fetchManifest(subject.replace(':', '-'))).content).manifests;
    } catch (error) {
      if (error instanceof RegistryFailure && error.code === 'not-found') return [];
      throw error;
    }
  }

  async #requestManifest(method: 'HEAD' | 'GET', reference: ManifestReference): Promise<HttpResponse> {
    const target = `/v2/${this.path}/manifests/${reference}`;
    try {
      return await this.#endpoint.request({
        method,
        target,
        action: `read manifest ${reference} of ${this.path}`,
        headers: { Accept: MANIFEST_TYPES },
        scopes: this.#scopes,
      });
    } catch (error) {
      throw await this.#withUrl(error, target);
    }
  }

  /** Where credentials are wanted, the error tells for what. */
  async #withUrl(error: unknown, target: string): Promise<unknown> {
    if (!hasReason(error, 'registry-wants-credentials')) return error;
    const { href } = await this.#endpoint.urlOf(target);
    const facts = { subject: this.host, details: { url: href }, status: 401, cause: error };
    return new RegistryFailure('registry-wants-credentials', facts);
  }

  /** The document's own word, which its digest covers, else the header's. */
  #mediaType({ headers }: HttpResponse, content: Buffer, reference: string): string {
    const type = typeOf(headers['content-type']);
    if (type === 'text/html')
      throw this.#refusal(`manifest ${reference}`, 'the host answers with a web page');
    const shape = new JsonShape('manifest');
    return shape.optionalString(shape.parse(content, MAXIMUM_MANIFEST_BYTES), 'mediaType') || type;
  }

  #refusal(subject: string, state: string): RegistryFailure {
    return new RegistryFailure('registry-answer-invalid', {
      subject: `${this.host}/${this.path}`,
      details: { what: subject, problem: state },
    });
  }
}

function totalOf(text: string | undefined): { readonly totalBytes?: number } {
  const totalBytes = Number(text ?? Number.NaN);
  return Number.isSafeInteger(totalBytes) ? { totalBytes } : {};
}

function typeOf(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function nextPage({ headers, url }: HttpResponse): URL | undefined {
  const link = [headers['link']].flat().join(', ');
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link) ?? [];
  const next = target === undefined ? undefined : URL.parse(target, url);
  // Credentials go along, so the host must be the same.
  return next?.host === url.host ? next : undefined;
}
