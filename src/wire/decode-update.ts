/** `POST /containers/{id}/update`. */
import { RESOURCE_FIELDS, type Resources, restartPolicy } from './decode-resources.ts';
import type { RestartPolicy } from './container.ts';
import { decodeStruct, nullable, parseJson, required, struct } from './go-json.ts';
import { validateRestartPolicy } from './validate-host-config.ts';

/** What is to change: only the fields that the client gave another value than Go's zero, which means "as it is". */
export type UpdateRequest = Partial<Resources & { readonly RestartPolicy: RestartPolicy }>;

const UPDATE = struct<Resources & { readonly RestartPolicy: RestartPolicy | null }>('UpdateConfig', {
  ...RESOURCE_FIELDS,
  RestartPolicy: required(nullable(restartPolicy)),
});

/** @throws {EngineError} `invalid` */
export function decodeUpdateRequest(body: string): UpdateRequest {
  const decoded = decodeStruct(parseJson(body), UPDATE);
  if (decoded.RestartPolicy) validateRestartPolicy(decoded.RestartPolicy);
  return Object.fromEntries(Object.entries(decoded).filter(([, value]) => isGiven(value)));
}

function isGiven(value: unknown): boolean {
  if (typeof value === 'object' && value !== null && 'Name' in value) return value.Name !== '';
  return value !== null && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0);
}
