/**
 * Docker's contexts: engines by name, in files that both command lines read and write. Under the directory of the
 * client's configuration, ID being the SHA-256 of the name:
 *
 *     contexts/meta/ID/meta.json           {"Name":"far","Metadata":{…},"Endpoints":{"docker":{"Host":"tcp://…"}}}
 *     contexts/tls/ID/docker/ca.pem        and cert.pem, key.pem, as far as they are there
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import type { TlsChoice } from '#client/host.ts';
import type { Context } from '../context.ts';
import { dockerConfigDirectory } from '../docker-config.ts';

/** `meta.json` (docker/cli, cli/context/store). */
export interface StoredContext {
  readonly Name: string;
  readonly Metadata: { readonly Description?: string } & Readonly<Record<string, unknown>>;
  readonly Endpoints: Readonly<Record<string, StoredEndpoint>>;
}

export interface StoredEndpoint {
  readonly Host?: string;
  readonly SkipTLSVerify?: boolean;
}

/** Where an engine listens, and how it is trusted. */
export interface NamedEngine {
  readonly host: string;
  readonly tls: TlsChoice;
}

const TLS_FILES = ['ca', 'cert', 'key'] as const;

export type TlsMaterial = Partial<Record<(typeof TLS_FILES)[number], Buffer>>;

export interface ContextPaths {
  readonly metadata: string;
  readonly tls: string;
}

export function contextPaths(context: Context, name: string): ContextPaths {
  const id = createHash('sha256').update(name).digest('hex');
  const root = join(dockerConfigDirectory(context), 'contexts');
  return { metadata: join(root, 'meta', id), tls: join(root, 'tls', id) };
}

/** @throws {EngineError} `not-found` if there is none of that name, `invalid` if its file cannot be used */
export function readContext(context: Context, name: string): StoredContext {
  const file = join(contextPaths(context, name).metadata, 'meta.json');
  if (!existsSync(file)) {
    throw new EngineError(
      'not-found',
      `Cannot use context "${name}": context not found (${file}); "caisson context ls" lists those that there are`,
    );
  }
  return readMetadata(file);
}

/** Every context that has a file, by name. */
export function storedContexts(context: Context): readonly StoredContext[] {
  const root = join(dockerConfigDirectory(context), 'contexts', 'meta');
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((id) => join(root, id, 'meta.json'))
    .filter((file) => existsSync(file))
    .map((file) => readMetadata(file))
    .toSorted((one, other) => (one.Name < other.Name ? -1 : 1));
}

function readMetadata(file: string): StoredContext {
  try {
    const decoded: Partial<StoredContext> = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof decoded.Name !== 'string') throw new TypeError('it names no context');
    return { Name: decoded.Name, Metadata: decoded.Metadata ?? {}, Endpoints: decoded.Endpoints ?? {} };
  } catch (error) {
    throw new EngineError('invalid', `Cannot read context in ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The engine of a context. @throws {EngineError} as {@link readContext} */
export function engineOf(context: Context, name: string): NamedEngine {
  const endpoint = readContext(context, name).Endpoints['docker'];
  if (!endpoint?.Host)
    throw new EngineError('invalid', `Cannot use context "${name}": it names no Docker endpoint`);
  const files = tlsFilesOf(context, name);
  const skips = endpoint.SkipTLSVerify ?? false;
  const enabled = skips || Object.keys(files).length > 0;
  return { host: endpoint.Host, tls: { enabled, verify: enabled && !skips, ...files } };
}

function tlsFilesOf(context: Context, name: string): Readonly<Partial<Record<keyof TlsMaterial, string>>> {
  const { tls } = contextPaths(context, name);
  const paths = TLS_FILES.map((file) => [file, join(tls, 'docker', `${file}.pem`)] as const);
  return Object.fromEntries(paths.filter(([, path]) => existsSync(path)));
}

/** As `context inspect` shows them: `{"docker": ["ca.pem"]}`. */
export function tlsNames(context: Context, name: string): Readonly<Record<string, readonly string[]>> {
  const names = Object.keys(tlsFilesOf(context, name)).map((file) => `${file}.pem`);
  return names.length === 0 ? {} : { docker: names };
}

/** The TLS material of a context, for a copy of it. */
export function readTlsMaterial(context: Context, name: string): TlsMaterial {
  const files = Object.entries(tlsFilesOf(context, name));
  return Object.fromEntries(files.map(([file, path]) => [file, readFileSync(path)]));
}

/** The metadata comes last, and whole: until it is there, there is no such context. */
export function writeContext(context: Context, stored: StoredContext, material: TlsMaterial): void {
  const { metadata, tls } = contextPaths(context, stored.Name);
  for (const file of TLS_FILES) {
    const bytes = material[file];
    if (!bytes) continue;
    mkdirSync(join(tls, 'docker'), { recursive: true, mode: 0o700 });
    writeFileSync(join(tls, 'docker', `${file}.pem`), bytes, { mode: 0o600 });
  }
  mkdirSync(metadata, { recursive: true, mode: 0o755 });
  const draft = join(metadata, `meta.json.${process.pid}`);
  writeFileSync(draft, JSON.stringify(stored), { mode: 0o644 });
  renameSync(draft, join(metadata, 'meta.json'));
}

export function removeContext(context: Context, name: string): void {
  const { metadata, tls } = contextPaths(context, name);
  rmSync(metadata, { recursive: true, force: true });
  rmSync(tls, { recursive: true, force: true });
}
