import { isObject } from '#base/json.ts';
import type { ContainerSpec } from '#container/container-spec.ts';
import type { CreateRequest } from '#wire/container.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';

/** What Docker shows of a request that another wire, or the library, has taken. */
const NOTHING_ASKED = decodeCreateRequest('{"Image":""}');

/** The request that the container was created by, if a Docker client made it: what a view shows and no spec says. */
export function requestedBy({
  requested,
}: {
  readonly requested: unknown;
  readonly spec: ContainerSpec;
}): CreateRequest {
  return isCreateRequest(requested) ? requested : NOTHING_ASKED;
}

/** Only `create` gives requests, and only whole ones: the outline is enough to know them. */
function isCreateRequest(value: unknown): value is CreateRequest {
  return isObject(value) && 'config' in value && 'hostConfig' in value && 'networkingConfig' in value;
}
