import { parseCsvRecord } from '#syntax/csv-record.ts';

/** One `--gpus`, as the API's DeviceRequest. */
export interface GpuRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[];
  readonly Options: Readonly<Record<string, string>>;
}

/** `all`, a count, or `device=…,driver=…,capabilities=…`. @throws {Error} if it has another form */
export function parseGpuRequest(text: string): GpuRequest {
  const fields = new Map<string, string>();
  for (const field of parseCsvRecord(text)) {
    const equals = field.indexOf('=');
    const [key, value] = equals < 0 ? ['count', field] : [field.slice(0, equals), field.slice(equals + 1)];
    if (fields.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    if (!['driver', 'count', 'device', 'options', 'capabilities'].includes(key)) {
      throw new Error(`unexpected key '${key}' in '${field}'`);
    }
    fields.set(key, value);
  }
  const capabilities = [...new Set([...(fields.get('capabilities')?.split(',') ?? []), 'gpu'])];
  const devices = fields.get('device')?.split(',') ?? null;
  return {
    Driver: fields.get('driver') ?? '',
    Count: countOf(fields.get('count'), devices !== null),
    DeviceIDs: devices,
    Capabilities: [capabilities],
    Options: Object.fromEntries((fields.get('options')?.split(',') ?? []).map((option) => splitOnce(option))),
  };
}

function countOf(text: string | undefined, named: boolean): number {
  if (text === undefined) return named ? 0 : 1;
  if (text === 'all') return -1;
  if (!/^\d+$/.test(text))
    throw new Error(`invalid count (${text}): value must be either "all" or an integer`);
  return Number(text);
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}
