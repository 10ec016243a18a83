/**
 * What `caissond` can be told: one table for the command line (dockerd's flag names) and the configuration file
 * (daemon.json's keys). A setting given in both places is an error, as in dockerd, because it hides a mistake.
 */
import { isObject, type JsonObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { MISSING_SETTINGS, type MissingSetting } from './docker-settings.ts';

export type SettingKind =
  | 'string'
  | 'boolean'
  | 'number'
  | 'list'
  | 'map'
  | 'ulimits'
  | 'object'
  /** A list of objects; a flag is `NAME=VALUE,NAME=VALUE`. */
  | 'records'
  /** Objects by name; a flag is `NAME=KEY=VALUE`. */
  | 'maps';

export interface Setting {
  /** The name without dashes. */
  readonly flag: string;
  readonly aliases?: readonly string[];
  readonly short?: string;
  /** Key of the configuration file, where it differs from the flag. */
  readonly key?: string;
  readonly kind: SettingKind;
  readonly help: string;
  /** Known to dockerd, and not there in this engine. */
  readonly missing?: MissingSetting;
  /** Only on the command line. */
  readonly flagOnly?: boolean;
  /** Only in the configuration file. */
  readonly isFileOnly?: boolean;
}

export type SettingValue =
  | string
  | boolean
  | number
  | readonly string[]
  | readonly Readonly<Record<string, unknown>>[]
  | Readonly<Record<string, unknown>>;

export type SettingValues = ReadonlyMap<string, SettingValue>;

export const SETTINGS: readonly Setting[] = [
  {
    flag: 'root',
    aliases: ['data-root', 'graph'],
    short: 'g',
    kind: 'string',
    help: 'Directory of persistent data (default /var/lib/caisson)',
  },
  {
    flag: 'run',
    aliases: ['exec-root'],
    kind: 'string',
    help: 'Directory of run-time state (default /run/caisson)',
  },
  {
    flag: 'host',
    short: 'H',
    key: 'hosts',
    kind: 'list',
    help: 'Socket to listen on: unix://, tcp://, fd:// (repeatable)',
  },
  {
    flag: 'group',
    short: 'G',
    kind: 'string',
    help: 'Group that may use the unix socket (default: docker, else caisson, where there is one)',
  },
  {
    flag: 'config',
    aliases: ['config-file'],
    kind: 'string',
    flagOnly: true,
    help: 'Configuration file (default /etc/caisson/config.json)',
  },
  { flag: 'pidfile', short: 'p', kind: 'string', help: 'File to write the process id to' },
  { flag: 'debug', short: 'D', kind: 'boolean', help: 'Log what is done in detail' },
  { flag: 'log-level', short: 'l', kind: 'string', help: 'debug, info, warn, error or fatal' },
  { flag: 'log-format', kind: 'string', help: 'text or json' },
  { flag: 'validate', kind: 'boolean', flagOnly: true, help: 'Check the configuration and exit' },
  { flag: 'version', short: 'v', kind: 'boolean', flagOnly: true, help: 'Print the version and exit' },
  { flag: 'help', short: 'h', kind: 'boolean', flagOnly: true, help: 'Print this help and exit' },
  { flag: 'tls', kind: 'boolean', help: 'Use TLS on tcp sockets' },
  { flag: 'tlsverify', kind: 'boolean', help: 'Use TLS and demand a client certificate' },
  { flag: 'tlscacert', kind: 'string', help: 'CA that client certificates must be signed by' },
  { flag: 'tlscert', kind: 'string', help: 'Certificate of tcp sockets' },
  { flag: 'tlskey', kind: 'string', help: 'Key of the certificate' },
  { flag: 'bridge', short: 'b', kind: 'string', help: 'The default bridge (default caisson0), or none' },
  { flag: 'bip', kind: 'string', help: 'Address and prefix of the default bridge, such as 172.17.0.1/16' },
  { flag: 'fixed-cidr', kind: 'string', help: 'Addresses of containers on the default bridge' },
  { flag: 'ipv6', kind: 'boolean', help: 'Give the default bridge IPv6 (default: a unique local subnet)' },
  { flag: 'fixed-cidr-v6', kind: 'string', help: 'Its IPv6 subnet, such as fd00:17::/64' },
  { flag: 'mtu', kind: 'number', help: 'Largest packet of the default bridge (default: as the host)' },
  {
    flag: 'default-address-pool',
    key: 'default-address-pools',
    kind: 'records',
    help: 'Subnets of networks that ask for none, base=10.0.0.0/8,size=24 (repeatable)',
  },
  {
    flag: 'default-network-opt',
    key: 'default-network-opts',
    kind: 'maps',
    help: 'Option of networks that say nothing else, DRIVER=KEY=VALUE (repeatable)',
  },
  { flag: 'host-gateway-ip', kind: 'string', help: 'Address that host-gateway stands for in --add-host' },
  { flag: 'host-gateway-ips', kind: 'list', isFileOnly: true, help: '' },
  { flag: 'ip-forward', kind: 'boolean', help: 'Make the host forward packets (default true)' },
  {
    flag: 'ip-masq',
    kind: 'boolean',
    help: "Let packets of the default bridge leave with the host's addresses (default true)",
  },
  { flag: 'iptables', kind: 'boolean', help: 'Manage the firewall (default true)' },
  {
    flag: 'icc',
    kind: 'boolean',
    help: 'Let containers on the default bridge reach each other (default true)',
  },
  { flag: 'ip', kind: 'string', help: 'Host address for published ports that name none (default 0.0.0.0)' },
  { flag: 'userland-proxy', kind: 'boolean', help: 'Serve published ports on ::1 (default true)' },
  { flag: 'dns', kind: 'list', help: 'Name server of containers (repeatable)' },
  { flag: 'dns-search', kind: 'list', help: 'Search domain of containers (repeatable)' },
  { flag: 'dns-opt', key: 'dns-opts', kind: 'list', help: 'Resolver option of containers (repeatable)' },
  { flag: 'log-driver', kind: 'string', help: 'Log driver of containers (default local)' },
  { flag: 'log-opt', key: 'log-opts', kind: 'map', help: 'Option of the log driver, KEY=VALUE (repeatable)' },
  { flag: 'label', key: 'labels', kind: 'list', help: 'Label of this engine, KEY=VALUE (repeatable)' },
  { flag: 'cgroup-parent', kind: 'string', help: 'Parent cgroup of containers' },
  { flag: 'default-runtime', kind: 'string', help: 'crun or runc (default: crun where it runs)' },
  { flag: 'default-shm-size', kind: 'string', help: 'Size of /dev/shm (default 64m)' },
  {
    flag: 'default-ulimit',
    key: 'default-ulimits',
    kind: 'ulimits',
    help: 'Ulimit of containers, NAME=SOFT[:HARD] (repeatable)',
  },
  {
    flag: 'default-cgroupns-mode',
    kind: 'string',
    help: 'Control group namespace of containers that say nothing: host or private',
  },
  {
    flag: 'default-ipc-mode',
    kind: 'string',
    help: 'IPC namespace of containers that say nothing: private or shareable',
  },
  { flag: 'init', kind: 'boolean', help: 'Give an init to containers that say nothing' },
  { flag: 'no-new-privileges', kind: 'boolean', help: 'The same of the option no-new-privileges' },
  { flag: 'init-path', kind: 'string', help: 'The init that --init puts in front' },
  { flag: 'seccomp-profile', kind: 'string', help: 'Default seccomp profile: a file, unconfined or builtin' },
  { flag: 'layer-mode', kind: 'string', help: 'How layers are kept: auto, erofs or directory' },
  { flag: 'max-layer-bytes', kind: 'number', help: 'Bytes that one layer may unpack to' },
  { flag: 'network-pool', kind: 'number', help: 'Ready network namespaces kept in stock (default 45)' },
  { flag: 'experimental', kind: 'boolean', help: 'Let clients offer experimental features (build --squash)' },
  {
    flag: 'insecure-registry',
    key: 'insecure-registries',
    kind: 'list',
    help: 'Registry that may speak http or show any certificate: HOST[:PORT] or network (repeatable)',
  },
  {
    flag: 'registry-mirror',
    key: 'registry-mirrors',
    kind: 'list',
    help: 'URL of a mirror of Docker Hub (repeatable)',
  },
  {
    flag: 'image-gc',
    kind: 'object',
    help: 'Remove the least recently used images above max-size=20GB; also min-age=24h, keep=PATTERN,... (repeatable)',
  },
  { flag: 'max-concurrent-downloads', kind: 'number', help: 'Layers downloaded at a time (default 8)' },
  { flag: 'max-concurrent-uploads', kind: 'number', help: 'Layers uploaded at a time (default 5)' },
  {
    flag: 'builder',
    kind: 'object',
    help: 'How much the build cache may keep, as "gc" (configuration file; default a tenth of the disk)',
  },
  ...MISSING_SETTINGS,
];

export function settingKey(setting: Setting): string {
  return setting.key ?? setting.flag;
}

/**
 * Reads the command line.
 *
 * @throws {EngineError} `invalid` for an unknown flag, a missing or malformed value, or an argument too many
 */
export function parseFlags(argv: readonly string[]): SettingValues {
  const values = new Map<string, SettingValue>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const { setting, text: attached } = findFlag(word);
    let text = attached;
    if (text === undefined && setting.kind === 'boolean') text = 'true';
    if (text === undefined) text = argv[++index];
    if (text === undefined) throw new EngineError('invalid', `Cannot use ${word}: it needs a value`);
    addValue(values, setting, text);
  }
  return values;
}

function findFlag(word: string): { readonly setting: Setting; readonly text?: string } {
  const equals = word.indexOf('=');
  const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, '');
  const isLong = word.startsWith('--');
  const setting = SETTINGS.filter(({ isFileOnly }) => !isFileOnly).find((candidate) =>
    isLong ? candidate.flag === name || candidate.aliases?.includes(name) : candidate.short === name,
  );
  if (!word.startsWith('-') || !setting) {
    throw new EngineError('invalid', `Cannot use ${word}: no such flag. See 'caissond --help'`);
  }
  return { setting, ...(equals >= 0 && { text: word.slice(equals + 1) }) };
}

function addValue(values: Map<string, SettingValue>, setting: Setting, text: string): void {
  const key = settingKey(setting);
  const before = values.get(key);
  switch (setting.kind) {
    case 'string':
      values.set(key, text);
      break;
    case 'boolean':
      values.set(key, parseBoolean(setting, text));
      break;
    case 'number':
      values.set(key, parseInteger(setting, text));
      break;
    case 'list':
      values.set(key, [...(Array.isArray(before) ? before : []), text]);
      break;
    case 'records':
      values.set(key, [...(isRecords(before) ? before : []), parseRecord(setting, text)]);
      break;
    case 'maps': {
      const [name = '', rest = ''] = cut(text, '=');
      const known = isObject(before) ? before[name] : undefined;
      const own = { ...(isObject(known) && known), ...parsePair(setting, rest) };
      values.set(key, { ...(isObject(before) && before), [name]: own });
      break;
    }
    case 'map':
    case 'object':
    case 'ulimits':
      values.set(key, { ...(isObject(before) && before), ...parsePair(setting, text) });
  }
}

function parseBoolean(setting: Setting, text: string): boolean {
  if (['true', '1', 't'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'f'].includes(text.toLowerCase())) return false;
  throw new EngineError('invalid', `Cannot use --${setting.flag}=${text}: true or false expected`);
}

function parseInteger(setting: Setting, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new EngineError('invalid', `Cannot use --${setting.flag}=${text}: a whole number expected`);
  }
  return value;
}

/** `base=10.0.0.0/8,size=24` */
function parseRecord(setting: Setting, text: string): Readonly<Record<string, unknown>> {
  const pairs = text.split(',').map((part) => parsePair(setting, part));
  return Object.fromEntries(pairs.flatMap((pair) => Object.entries(pair)));
}

function cut(text: string, separator: string): readonly string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function parsePair(setting: Setting, text: string): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw new EngineError('invalid', `Cannot use --${setting.flag} ${text}: KEY=VALUE expected`);
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  if (setting.kind !== 'ulimits') return { [name]: value };
  const [soft = '', hard = soft] = value.split(':');
  return { [name]: { Name: name, Soft: parseInteger(setting, soft), Hard: parseInteger(setting, hard) } };
}

/**
 * Reads the configuration file's text.
 *
 * @throws {EngineError} `invalid` where it is not JSON, not an object, has an unknown key or a value of a wrong type
 */
export function parseConfig(path: string, text: string): SettingValues {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `Cannot read configuration ${path}: not valid JSON`, { cause });
  }
  if (!isObject(parsed)) throw new EngineError('invalid', `Cannot read configuration ${path}: not an object`);
  const values = new Map<string, SettingValue>();
  for (const [key, value] of Object.entries(parsed)) {
    const setting = SETTINGS.find((candidate) => !candidate.flagOnly && keysOf(candidate).includes(key));
    if (!setting)
      throw new EngineError('invalid', `Cannot read configuration ${path}: no such key as "${key}"`);
    if (!fits(setting.kind, value)) {
      throw new EngineError(
        'invalid',
        `Cannot read configuration ${path}: "${key}" must be a ${setting.kind}`,
      );
    }
    values.set(settingKey(setting), value);
  }
  return values;
}

function keysOf(setting: Setting): readonly string[] {
  return [settingKey(setting), ...(setting.aliases ?? [])];
}

function fits(kind: SettingKind, value: unknown): value is SettingValue {
  switch (kind) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === kind;
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'records':
      return isRecords(value);
    case 'maps':
      return isObject(value) && Object.values(value).every(isObject);
    case 'map':
    case 'object':
    case 'ulimits':
      return isObject(value);
  }
}

/** @throws {EngineError} `invalid` where a setting stands in both places */
export function mergeSettings(flags: SettingValues, config: SettingValues): SettingValues {
  const both = [...config.keys()].filter((key) => flags.has(key));
  if (both.length > 0) {
    throw new EngineError(
      'invalid',
      `Cannot start: ${both.join(', ')} given both as a flag and in the configuration file; remove one`,
    );
  }
  return new Map([...config, ...flags]);
}

function isRecords(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every(isObject);
}

export function helpText(): string {
  const shown = SETTINGS.filter(({ missing, isFileOnly }) => !missing && !isFileOnly);
  const rows = shown.map((setting) => {
    const short = setting.short ? `-${setting.short}, ` : '    ';
    const type = setting.kind === 'boolean' ? '' : ` ${TYPE_NAMES[setting.kind] ?? setting.kind}`;
    return `  ${`${short}--${setting.flag}${type}`.padEnd(30)} ${setting.help}`;
  });
  return [
    'Usage: caissond [OPTIONS]',
    '       caissond clean-host [--run DIR] [--kill]   (see caisson system clean-host --help)',
    '',
    'The Caisson container engine: runs containers and serves the Docker Engine API.',
    '',
    'Options:',
    ...rows,
    '',
    'The configuration file has the same names as keys, those of repeatable options in the plural.',
    "dockerd's further options are known: each says why it has no effect, or is refused.",
    '',
    'Example:',
    '  caissond --root /srv/caisson --host unix:///run/caisson/caisson.sock --host tcp://127.0.0.1:2375',
    '',
  ].join('\n');
}

const TYPE_NAMES: Partial<Record<SettingKind, string>> = {
  ulimits: 'ulimit',
  records: 'record',
  maps: 'map',
};
