import { TemplateError } from './template-error.ts';
import { isList, isMap, Missing, Row, type Value } from './value.ts';

/** The objects of the API that are maps in Go, by the field that holds them: the others are structs. */
const MAPS = new Set([
  'Annotations',
  'Attributes',
  'AuxiliaryAddresses',
  'Containers',
  'Data',
  'Details',
  'DriverOpts',
  'EndpointsConfig',
  'ExposedPorts',
  'Labels',
  'Networks',
  'Options',
  'PortBindings',
  'Ports',
  'Storage',
  'StorageOpt',
  'Sysctls',
  'Tmpfs',
  'Volumes',
]);

/** The fields of the API that are lists in Go: a nil one is written as an empty one. */
const LISTS = new Set([
  'Args',
  'Binds',
  'BlkioDeviceReadBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceWriteIOps',
  'BlkioWeightDevice',
  'CapAdd',
  'CapDrop',
  'Cmd',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Devices',
  'Dns',
  'DnsOptions',
  'DnsSearch',
  'Entrypoint',
  'Env',
  'ExecIDs',
  'ExtraHosts',
  'GroupAdd',
  'Links',
  'MaskedPaths',
  'Mounts',
  'OnBuild',
  'ReadonlyPaths',
  'RepoDigests',
  'RepoTags',
  'SecondaryIPAddresses',
  'SecondaryIPv6Addresses',
  'SecurityOpt',
  'Shell',
  'Ulimits',
  'VolumesFrom',
]);

/** Fields that the engine leaves out where they are nil: asking for them is no mistake. */
const OPTIONAL = new Set([
  'Annotations',
  'ExposedPorts',
  'Health',
  'Healthcheck',
  'Init',
  'Mounts',
  'Runtime',
  'Shell',
  'SizeRootFs',
  'SizeRw',
  'StopSignal',
  'StopTimeout',
  'StorageOpt',
  'Sysctls',
  'Tmpfs',
]);

export function isOptionalField(name: string): boolean {
  return OPTIONAL.has(name);
}

/** True if a missing entry of the object held by `field` is no mistake: its keys are the user's. */
export function isMapField(field: string | undefined): boolean {
  return field !== undefined && MAPS.has(field);
}

/**
 * Writes a value as Go's `%v` does.
 *
 * @param field the field that holds it, which tells maps from structs
 * @throws {TemplateError} for a field that does not exist
 */
export function show(value: Value, field?: string): string {
  if (value instanceof Missing) throw missingField(value);
  if (value === undefined) return '<no value>';
  if (value === null) return showNil(field);
  if (value instanceof Row) return JSON.stringify(value);
  if (isList(value)) return `[${value.map((each) => showInner(each, undefined)).join(' ')}]`;
  if (isMap(value)) return showObject(value, field);
  return String(value);
}

function showObject(value: { readonly [name: string]: Value }, field: string | undefined): string {
  if (isMapField(field)) {
    const keys = Object.keys(value).toSorted();
    return `map[${keys.map((key) => `${key}:${showInner(value[key], undefined)}`).join(' ')}]`;
  }
  return `{${Object.entries(value)
    .map(([key, each]) => showInner(each, key))
    .join(' ')}}`;
}

function showInner(value: Value, field: string | undefined): string {
  return value === undefined ? showNil(field) : show(value, field);
}

function showNil(field: string | undefined): string {
  if (isMapField(field)) return 'map[]';
  return field !== undefined && LISTS.has(field) ? '[]' : '<nil>';
}

/** Complains about a field that is not there, and names those that are. */
export function missingField({ name, known }: Missing): TemplateError {
  const list = known.length === 0 ? '' : `; there are: ${known.join(', ')}`;
  return new TemplateError(`no field ${JSON.stringify(name)} here${list}`);
}
