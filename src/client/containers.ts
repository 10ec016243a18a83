import type {
  ContainerInspect,
  ContainerPruneReport,
  ContainerSummary,
  CreateBody,
  FilesystemChange,
  TopTable,
  UpdateBody,
} from '#wire/container.ts';
import { type Client, encodeFilters, type Hijacked, path } from './client.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface CreatedContainer {
  readonly Id: string;
  readonly Warnings: readonly string[] | null;
}

export function createContainer(
  client: Client,
  body: CreateBody,
  query: { readonly name?: string | undefined; readonly platform?: string | undefined },
): Promise<CreatedContainer> {
  return client.json({ method: 'POST', path: '/containers/create', query, json: body });
}

export interface ListOptions {
  readonly all?: boolean;
  readonly limit?: number;
  readonly size?: boolean;
  readonly filters?: Filters;
}

export function listContainers(
  client: Client,
  options: ListOptions = {},
): Promise<readonly ContainerSummary[]> {
  const { filters = {}, ...query } = options;
  return client.json({
    method: 'GET',
    path: '/containers/json',
    query: { ...query, filters: encodeFilters(filters) },
  });
}

export function inspectContainer(client: Client, name: string): Promise<ContainerInspect> {
  return client.json({ method: 'GET', path: path`/containers/${name}/json` });
}

export function startContainer(
  client: Client,
  name: string,
  query: {
    readonly detachKeys?: string;
    readonly checkpoint?: string;
    readonly 'checkpoint-dir'?: string;
  } = {},
): Promise<void> {
  return client.run({ method: 'POST', path: path`/containers/${name}/start`, query });
}

/** @param action one of the verbs that answer with 204 and nothing more */
export function actOnContainer(
  client: Client,
  name: string,
  action: 'stop' | 'restart' | 'kill' | 'pause' | 'unpause',
  query: { readonly signal?: string | undefined; readonly t?: number | undefined } = {},
): Promise<void> {
  return client.run({ method: 'POST', path: path`/containers/${name}/${action}`, query });
}

export function renameContainer(client: Client, name: string, to: string): Promise<void> {
  return client.run({ method: 'POST', path: path`/containers/${name}/rename`, query: { name: to } });
}

export function removeContainer(
  client: Client,
  name: string,
  query: { readonly force?: boolean; readonly v?: boolean; readonly link?: boolean } = {},
): Promise<void> {
  return client.run({ method: 'DELETE', path: path`/containers/${name}`, query });
}

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Output from before is replayed first. */
  readonly logs?: boolean;
  readonly detachKeys?: string | undefined;
}

export function attachContainer(client: Client, name: string, options: AttachOptions): Promise<Hijacked> {
  return client.hijack({
    method: 'POST',
    path: path`/containers/${name}/attach`,
    query: { stream: true, ...options, detachKeys: options.detachKeys || undefined },
  });
}

export interface WaitResult {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/**
 * Resolves once the engine watches the container; what is resolved to resolves when the condition is met. Both
 * matter: a container that is started only after the first cannot end unseen.
 */
export async function watchContainer(
  client: Client,
  name: string,
  condition?: 'not-running' | 'next-exit' | 'removed',
): Promise<{ readonly result: Promise<WaitResult> }> {
  const response = await client.request({
    method: 'POST',
    path: path`/containers/${name}/wait`,
    query: { condition },
  });
  const read = async (): Promise<WaitResult> => JSON.parse((await response.body.all()).toString('utf8'));
  const result = read();
  // Its failure is met where it is waited for, which may be after it happened.
  result.catch(() => undefined);
  return { result };
}

export function resizeContainer(client: Client, name: string, size: TerminalSize): Promise<void> {
  return client.run({
    method: 'POST',
    path: path`/containers/${name}/resize`,
    query: { h: size.rows, w: size.columns },
  });
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export function topContainer(
  client: Client,
  name: string,
  psArguments: readonly string[],
): Promise<TopTable> {
  return client.json({
    method: 'GET',
    path: path`/containers/${name}/top`,
    query: { ps_args: psArguments.length === 0 ? undefined : psArguments.join(' ') },
  });
}

export function changesOfContainer(
  client: Client,
  name: string,
): Promise<readonly FilesystemChange[] | null> {
  return client.json({ method: 'GET', path: path`/containers/${name}/changes` });
}

export function pruneContainers(client: Client, filters: Filters): Promise<ContainerPruneReport> {
  return client.json({
    method: 'POST',
    path: '/containers/prune',
    query: { filters: encodeFilters(filters) },
  });
}

export function updateContainer(
  client: Client,
  name: string,
  body: UpdateBody,
): Promise<{ readonly Warnings: readonly string[] | null }> {
  return client.json({ method: 'POST', path: path`/containers/${name}/update`, json: body });
}
