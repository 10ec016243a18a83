/** Sending one blob: mounted from another repository, or in one piece, continued where it was cut. */
import type { EndpointClient } from './endpoint-client.ts';
import type { HttpResponse } from './http-client.ts';
import type { UploadOutcome, UploadRequest } from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';
import { Backoff } from './retry.ts';

/** A registry may hash and move gigabytes before it answers. */
const COMMIT_STALL_MS = 5 * 60_000;
const MAXIMUM_MOUNT_SOURCES = 3;
/**
 * Refusals that another attempt may pass if the blob is sent in parts: the registry may still have been writing what
 * came before the cut when it said how far it was. A blob that is sent whole would be refused again.
 */
const PASSING_FOR_PARTS: readonly string[] = ['DIGEST_INVALID'];

export interface UploadPlace {
  readonly endpoint: EndpointClient;
  readonly path: string;
  readonly scopes: readonly string[];
}

/** Uploads without looking first whether the blob is there. */
export async function uploadBlob(place: UploadPlace, request: UploadRequest): Promise<UploadOutcome> {
  const { endpoint } = place;
  const backoff = new Backoff(endpoint.retry, endpoint.signal);
  for (const from of request.mountFrom.slice(0, MAXIMUM_MOUNT_SOURCES)) {
    const location = await mount(place, request.descriptor, from);
    if (location === undefined) return { kind: 'mounted', from };
    await cancel(place, location);
  }
  let location: URL | undefined;
  for (;;) {
    try {
      location ??= await openSession(place);
      await send(place, request, location);
      return { kind: 'uploaded' };
    } catch (error) {
      await backoff.pause(error);
      location = undefined;
    }
  }
}

/** Undefined if the registry took it; otherwise the session that it opened instead. */
async function mount(place: UploadPlace, { digest }: UploadRequest['descriptor'], from: string) {
  const query = new URLSearchParams({ mount: digest, from });
  const scopes = [...place.scopes, `repository:${from}:pull`];
  const response = await post(
    { ...place, scopes },
    `?${query.toString()}`,
    `mount blob ${digest} from ${from}`,
  );
  return response.status === 201 ? undefined : locationOf(response);
}

async function openSession(place: UploadPlace): Promise<URL> {
  return locationOf(await post(place, '', `start an upload to ${place.path}`));
}

async function post(
  { endpoint, path, scopes }: UploadPlace,
  query: string,
  action: string,
): Promise<HttpResponse> {
  const response = await endpoint.request({
    method: 'POST',
    target: `/v2/${path}/blobs/uploads/${query}`,
    action,
    headers: { 'Content-Length': '0' },
    scopes,
  });
  response.body.resume();
  return response;
}

async function cancel({ endpoint, scopes }: UploadPlace, location: URL): Promise<void> {
  try {
    const { body } = await endpoint.request({
      method: 'DELETE',
      target: location,
      action: 'cancel an upload',
      scopes,
      isSingle: true,
      accept: [404, 405],
    });
    body.resume();
  } catch {
    // Registries give up abandoned sessions by themselves.
  }
}

/** All of it in one PUT; what was cut off is continued from where the registry says it is. */
async function send(place: UploadPlace, request: UploadRequest, session: URL): Promise<void> {
  const backoff = new Backoff(place.endpoint.retry, place.endpoint.signal);
  let location = session;
  let offset = 0;
  for (;;) {
    try {
      if (offset === 0) return await put(place, request, location, 0);
      location = await patch(place, request, location, offset);
      return await put(place, request, location, request.descriptor.size);
    } catch (error) {
      if (error instanceof RegistryFailure && error.registryCode === 'DIGEST_INVALID') throw error;
      await backoff.pause(error);
      const state = await stateOf(place, location);
      if (!state) throw error;
      ({ location, offset } = state);
    }
  }
}

async function put(place: UploadPlace, request: UploadRequest, location: URL, offset: number): Promise<void> {
  const { digest, size } = request.descriptor;
  const target = new URL(location);
  target.searchParams.set('digest', digest);
  const { body } = await place.endpoint.request({
    method: 'PUT',
    target,
    action: `upload blob ${digest} to ${place.path}`,
    ...bodyOf(request, offset, size - offset),
    scopes: place.scopes,
    stallMs: COMMIT_STALL_MS,
    isSingle: true,
    ...(offset > 0 ? { passing: PASSING_FOR_PARTS } : {}),
  });
  body.resume();
}

async function patch(
  place: UploadPlace,
  request: UploadRequest,
  location: URL,
  offset: number,
): Promise<URL> {
  const { digest, size } = request.descriptor;
  const content = bodyOf(request, offset, size - offset);
  const response = await place.endpoint.request({
    method: 'PATCH',
    target: location,
    action: `upload blob ${digest} to ${place.path}`,
    ...content,
    headers: { ...content.headers, 'Content-Range': `${offset}-${size - 1}` },
    scopes: place.scopes,
    stallMs: COMMIT_STALL_MS,
    isSingle: true,
  });
  response.body.resume();
  return locationOf(response);
}

function bodyOf({ read, onProgress }: UploadRequest, offset: number, lengthBytes: number) {
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(lengthBytes) };
  if (lengthBytes === 0) return { headers };
  const body = () => counted(read(offset), offset, onProgress);
  return { headers, body };
}

async function* counted(
  source: AsyncIterable<Buffer>,
  offset: number,
  onProgress: UploadRequest['onProgress'],
): AsyncGenerator<Buffer, void> {
  let sent = offset;
  for await (const chunk of source) {
    yield chunk;
    onProgress?.((sent += chunk.length));
  }
}

/** Where the registry is with a session; undefined where it cannot go on. */
async function stateOf(
  { endpoint, scopes }: UploadPlace,
  location: URL,
): Promise<{ readonly location: URL; readonly offset: number } | undefined> {
  try {
    const response = await endpoint.request({
      method: 'GET',
      target: location,
      action: 'continue an upload',
      scopes,
    });
    response.body.resume();
    const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? '') ?? [];
    // A registry that has one byte says `0-0`, and many that have none say so too.
    const offset = last === undefined || last === '0' ? 0 : Number(last) + 1;
    return offset === 0 ? undefined : { location: locationOf(response) ?? location, offset };
  } catch {
    return undefined;
  }
}

function locationOf(response: HttpResponse): URL {
  const url = URL.parse(response.headers.location ?? '', response.url);
  if (response.headers.location !== undefined && url && /^https?:$/.test(url.protocol)) return url;
  throw new RegistryFailure('upload-without-place', { subject: response.url.host });
}
