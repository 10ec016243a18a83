/**
 * What `caissond` can be told: one table for the command line (dockerd's flag names) and the configuration file
 * (daemon.json's keys). A setting given in both places is an error, as in dockerd, because it hides a mistake.
 */
import { EngineError } from '#base/errors.ts';

export type SettingKind = 'string' | 'boolean' | 'number' | 'list' | 'map' | 'ulimits' | 'object';

export interface Setting {
  /** The name without dashes. */
  readonly flag: string;
  readonly aliases?: readonly string[];
  readonly short?: string;
  /** Key of the configuration file, where it differs from the flag. */
  readonly key?: string;
  readonly kind: SettingKind;
  readonly help: string;
  /** Known to dockerd and accepted, but without effect in this engine. */
  readonly ignored?: boolean;
  /** Only on the command line. */
  readonly flagOnly?: boolean;
}

export type SettingValue = string | boolean | number | readonly string[] | Readonly<Record<string, unknown>>;

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
  { flag: 'validate', kind: 'boolean', flagOnly: true, help: 'Check the configuration and exit' },
  { flag: 'version', short: 'v', kind: 'boolean', flagOnly: true, help: 'Print the version and exit' },
  { flag: 'help', short: 'h', kind: 'boolean', flagOnly: true, help: 'Print this help and exit' },
  { flag: 'tls', kind: 'boolean', help: 'Use TLS on tcp sockets' },
  { flag: 'tlsverify', kind: 'boolean', help: 'Use TLS and demand a client certificate' },
  { flag: 'tlscacert', kind: 'string', help: 'CA that client certificates must be signed by' },
  { flag: 'tlscert', kind: 'string', help: 'Certificate of tcp sockets' },
  { flag: 'tlskey', kind: 'string', help: 'Key of the certificate' },
  { flag: 'bridge', short: 'b', kind: 'string', help: 'Name of the default bridge (default caisson0)' },
  { flag: 'bip', kind: 'string', help: 'Address and prefix of the default bridge, such as 172.17.0.1/16' },
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
  { flag: 'init-path', kind: 'string', help: 'The init that --init puts in front' },
  { flag: 'seccomp-profile', kind: 'string', help: 'Default seccomp profile, a file or "unconfined"' },
  { flag: 'layer-mode', kind: 'string', help: 'How layers are kept: auto, erofs or directory' },
  { flag: 'max-layer-bytes', kind: 'number', help: 'Bytes that one layer may unpack to' },
  { flag: 'network-pool', kind: 'number', help: 'Ready network namespaces kept in stock (default 45)' },
  { flag: 'live-restore', kind: 'boolean', ignored: true, help: 'Always on: containers outlive the daemon' },
  { flag: 'experimental', kind: 'boolean', help: 'Let clients offer experimental features (build --squash)' },
  { flag: 'storage-driver', short: 's', kind: 'string', ignored: true, help: 'Accepted for compatibility' },
  {
    flag: 'storage-opt',
    key: 'storage-opts',
    kind: 'list',
    ignored: true,
    help: 'Accepted for compatibility',
  },
  { flag: 'exec-opt', key: 'exec-opts', kind: 'list', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'ip6tables', kind: 'boolean', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'ip-forward', kind: 'boolean', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'ip-masq', kind: 'boolean', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'ipv6', kind: 'boolean', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'mtu', kind: 'number', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'fixed-cidr', kind: 'string', ignored: true, help: 'Accepted for compatibility' },
  {
    flag: 'default-address-pool',
    key: 'default-address-pools',
    kind: 'object',
    ignored: true,
    help: 'Accepted for compatibility',
  },
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
  { flag: 'shutdown-timeout', kind: 'number', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'userns-remap', kind: 'string', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'containerd', kind: 'string', ignored: true, help: 'Accepted for compatibility' },
  { flag: 'add-runtime', key: 'runtimes', kind: 'object', ignored: true, help: 'Accepted for compatibility' },
  {
    flag: 'builder',
    kind: 'object',
    help: 'How much the build cache may keep, as "gc" (configuration file; default a tenth of the disk)',
  },
  { flag: 'features', kind: 'object', ignored: true, help: 'Accepted for compatibility' },
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
  const setting = SETTINGS.find((candidate) =>
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
    case 'map':
    case 'object':
    case 'ulimits':
      values.set(key, { ...(isRecord(before) && before), ...parsePair(setting, text) });
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
  if (!isRecord(parsed)) throw new EngineError('invalid', `Cannot read configuration ${path}: not an object`);
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
    case 'map':
    case 'object':
    case 'ulimits':
      return isRecord(value) || (kind === 'object' && Array.isArray(value));
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text of `caissond --help`. */
export function helpText(): string {
  const rows = SETTINGS.filter((setting) => !setting.ignored).map((setting) => {
    const short = setting.short ? `-${setting.short}, ` : '    ';
    const type = setting.kind === 'boolean' ? '' : ` ${setting.kind === 'ulimits' ? 'ulimit' : setting.kind}`;
    return `  ${`${short}--${setting.flag}${type}`.padEnd(30)} ${setting.help}`;
  });
  const ignored = SETTINGS.filter((setting) => setting.ignored).map((setting) => `--${setting.flag}`);
  return [
    'Usage: caissond [OPTIONS]',
    '       caissond clean-host [--run DIR] [--kill]   (see caisson system clean-host --help)',
    '',
    'The Caisson container engine: runs containers and serves the Docker Engine API.',
    '',
    'Options:',
    ...rows,
    '',
    "dockerd's further flags are accepted and have no effect yet:",
    `  ${ignored.join(' ')}`,
    '',
    'Example:',
    '  caissond --root /srv/caisson --host unix:///run/caisson/caisson.sock --host tcp://127.0.0.1:2375',
    '',
  ].join('\n');
}
