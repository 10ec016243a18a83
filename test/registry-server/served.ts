import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegistryOptions, RunningRegistry } from '../../src/registry-server/registry-server.ts';
import { startRegistry } from '../../src/registry-server/start-registry.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A registry on a root of its own and a free port, within this process. */
export class Served implements AsyncDisposable {
  readonly root: string;
  readonly registry: RunningRegistry;
  readonly #ownsRoot: boolean;

  private constructor(root: string, registry: RunningRegistry, ownsRoot: boolean) {
    this.root = root;
    this.registry = registry;
    this.#ownsRoot = ownsRoot;
  }

  /** @param begin a former version's, where the test is about its root */
  static async start(options: Partial<RegistryOptions> = {}, begin = startRegistry): Promise<Served> {
    const root = options.root ?? mkdtempSync(join(tmpdir(), 'caisson-registry-'));
    const ownsRoot = options.root === undefined;
    try {
      const registry = await begin({ ...options, root, listen: { host: '127.0.0.1', port: 0 } });
      return new Served(root, registry, ownsRoot);
    } catch (error) {
      if (ownsRoot) rmSync(root, { recursive: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    if (this.#ownsRoot) rmSync(this.root, { recursive: true });
  }

  get url(): string {
    return `http://${this.registry.address}`;
  }

  ask(method: string, path: string, init: Omit<RequestInit, 'method'> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { method, ...init });
  }

  /** Asks, and fails on another status. */
  async expect(
    status: number,
    method: string,
    path: string,
    init: Omit<RequestInit, 'method'> = {},
  ): Promise<Response> {
    const response = await this.ask(method, path, init);
    if (response.status !== status)
      assert.fail(`${method} ${path}: ${response.status} instead of ${status}: ${await response.text()}`);
    return response;
  }

  /** Asks for what must fail, and checks the form of the error. @returns its code */
  async errorOf(method: string, path: string, init: Omit<RequestInit, 'method'> = {}): Promise<string> {
    const response = await this.ask(method, path, init);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0');
    const { errors } = await readJson<ErrorBody>(response);
    const [error] = errors;
    assert.equal(errors.length, 1);
    assert.equal(typeof error?.message, 'string');
    return `${response.status} ${error?.code}`;
  }

  async pushBlob(repository: string, content: Buffer): Promise<string> {
    const digest = digestOf(content);
    await this.expect(201, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
      body: bodyOf(content),
    });
    return digest;
  }

  /** Pushes an image of these layers. @returns the manifest's digest */
  async pushImage(
    repository: string,
    reference: string,
    layers: readonly Buffer[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const manifest = imageManifest(layers, more);
    for (const blob of [CONFIG, ...layers]) await this.pushBlob(repository, blob);
    await this.pushManifest(repository, reference, manifest);
    return digestOf(manifest);
  }

  pushManifest(
    repository: string,
    reference: string,
    manifest: Buffer,
    type = OCI_MANIFEST,
  ): Promise<Response> {
    return this.expect(201, 'PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'content-type': type },
      body: bodyOf(manifest),
    });
  }
}

export interface ErrorBody {
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

/** The tests know what they read. */
export async function readJson<T>(response: Response): Promise<T> {
  const decoded: T = JSON.parse(await response.text());
  return decoded;
}

export const CONFIG = Buffer.from(
  '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
);

export function imageManifest(
  layers: readonly Buffer[],
  more: Readonly<Record<string, unknown>> = {},
): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...sized(CONFIG) },
      layers: layers.map((layer) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        ...sized(layer),
      })),
      ...more,
    }),
  );
}

export function sized(content: Buffer): { readonly digest: string; readonly size: number } {
  return { digest: digestOf(content), size: content.length };
}

export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export function bodyOf(content: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(content);
}
