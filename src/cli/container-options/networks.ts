import { parseCsvRecord } from '#syntax/csv-record.ts';

/** One `--network`: a name, or `name=…,alias=…,ip=…`. */
export interface NetworkChoice {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly ip6: string;
  readonly macAddress: string;
  readonly linkLocalIps: readonly string[];
  readonly gatewayPriority: number;
}

/** @throws {Error} if a field is unknown or the name is missing */
export function parseNetwork(text: string): NetworkChoice {
  if (!/^\w[\w-]*=/.test(text)) return { ...EMPTY, target: text };
  const fields = parseCsvRecord(text).map((field) => {
    const equals = field.indexOf('=');
    if (equals < 0) throw new Error(`invalid field ${field}`);
    return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1).trim()] as const;
  });
  const unknown = fields.find(([key]) => !KEYS.includes(key));
  if (unknown) throw new Error(`invalid field key ${unknown[0]}`);
  const all = (key: string): readonly string[] =>
    fields.filter(([name]) => name === key).map(([, value]) => value);
  const target = all('name').at(-1);
  if (!target) throw new Error('network name is required: name=NETWORK');
  return {
    target,
    aliases: all('alias'),
    driverOpts: Object.fromEntries(all('driver-opt').map(splitOption)),
    ip: all('ip').at(-1) ?? '',
    ip6: all('ip6').at(-1) ?? '',
    macAddress: all('mac-address').at(-1) ?? '',
    linkLocalIps: all('link-local-ip'),
    gatewayPriority: priority(all('gw-priority').at(-1)),
  };
}

const KEYS = ['name', 'alias', 'driver-opt', 'ip', 'ip6', 'mac-address', 'link-local-ip', 'gw-priority'];

const EMPTY = {
  aliases: [],
  driverOpts: {},
  ip: '',
  ip6: '',
  macAddress: '',
  linkLocalIps: [],
  gatewayPriority: 0,
};

function priority(text = '0'): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`invalid gw-priority (${text}): a whole number is expected`);
  return Number(text);
}

function splitOption(option: string): [string, string] {
  const equals = option.indexOf('=');
  if (equals < 0) throw new Error('invalid key value pair format in driver options');
  return [option.slice(0, equals).trim().toLowerCase(), option.slice(equals + 1).trim()];
}
