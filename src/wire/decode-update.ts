/** `POST /containers/{id}/update`. */
import { RESOURCE_FIELDS, type Resources, restartPolicy } from './decode-resources.ts';
import type { RestartPolicy } from './container.ts';
import { boolean, decodeStruct, nullable, parseJson, required, struct } from './go-json.ts';
import { validateRestartPolicy } from './validate-host-config.ts';

/**
 * What is to change: only the fields that the client gave another value than Go's zero, which means "as it is". For
 * `PidsLimit`, zero is a value: without limit.
 */
export type UpdateRequest = Partial<
  Resources & { readonly Init: boolean; readonly RestartPolicy: RestartPolicy }
>;

type DecodedUpdate = Resources & {
  readonly Init: boolean | null;
  readonly RestartPolicy: RestartPolicy | null;
};

const UPDATE = struct<DecodedUpdate>('UpdateConfig', {
  ...RESOURCE_FIELDS,
  Init: required(nullable(boolean)),
  RestartPolicy: required(nullable(restartPolicy)),
});

/** @throws {EngineError} `invalid` */
export function decodeUpdateRequest(body: string): UpdateRequest {
  const decoded = decodeStruct(parseJson(body), UPDATE);
  if (decoded.RestartPolicy) validateRestartPolicy(decoded.RestartPolicy);
  return Object.fromEntries(Object.entries(decoded).filter(([name, value]) => isGiven(name, value)));
}

function isGiven(name: string, value: unknown): boolean {
  if (name === 'PidsLimit') return value !== null;
  if (typeof value === 'object' && value !== null && 'Name' in value) return value.Name !== '';
  return value !== null && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0);
}
