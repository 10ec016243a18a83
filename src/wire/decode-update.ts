/** `POST /containers/{id}/update`. */
import { isObject } from '#base/json.ts';
import { boolean, type Decoded, decodeStruct, nullable, parseJson, struct } from './go-json.ts';
import { RESOURCE_FIELDS, restartPolicy } from './resources.ts';
import { validateRestartPolicy } from './validate-host-config.ts';
import { apiVersion, NEWEST_API_VERSION } from './versions.ts';

const UPDATE = struct('UpdateConfig', {
  ...RESOURCE_FIELDS,
  Init: nullable(boolean),
  RestartPolicy: nullable(restartPolicy),
});

type Given<T> = { readonly [K in keyof T]?: NonNullable<T[K]> };

/**
 * What is to change: only the fields that the client gave another value than Go's zero, which means "as it is". For
 * `PidsLimit`, zero is a value: without limit.
 */
export type UpdateRequest = Given<Decoded<typeof UPDATE>>;

/** The first version in which a change has an effect. */
const CHANGEABLE_SINCE = new Map([
  ['PidsLimit', apiVersion('1.40')],
  ['BlkioWeightDevice', apiVersion('1.55')],
  ['BlkioDeviceReadBps', apiVersion('1.55')],
  ['BlkioDeviceWriteBps', apiVersion('1.55')],
  ['BlkioDeviceReadIOps', apiVersion('1.55')],
  ['BlkioDeviceWriteIOps', apiVersion('1.55')],
]);

/**
 * @param version the version of the API that the client speaks
 * @throws {EngineError} `invalid`
 */
export function decodeUpdateRequest(body: string, version = NEWEST_API_VERSION): UpdateRequest {
  const decoded = decodeStruct(parseJson(body), UPDATE);
  if (decoded.RestartPolicy) validateRestartPolicy(decoded.RestartPolicy);
  const given = Object.entries(decoded).filter(([name, value]) => isGiven(name, value));
  return Object.fromEntries(given.filter(([name]) => version >= (CHANGEABLE_SINCE.get(name) ?? 0)));
}

function isGiven(name: string, value: unknown): boolean {
  if (name === 'PidsLimit') return value !== null;
  if (isObject(value) && 'Name' in value) return value['Name'] !== '';
  return value !== null && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0);
}
