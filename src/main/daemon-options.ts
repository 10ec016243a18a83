/** Turns settings, checked for their form, into typed options, checked for their sense. */
import { readFileSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import type { LogLevel } from '#base/log.ts';
import type { ListenTarget } from '#api/listen.ts';
import type { EngineOptions } from '#engine/options.ts';
import type { ResourceLimit } from '#container/container-spec.ts';
import { cacheBudget } from './builder-options.ts';
import { imageBudget } from './image-gc-setting.ts';
import { SETTINGS, settingKey, type SettingValues } from './daemon-settings.ts';

export interface DaemonOptions {
  readonly engine: EngineOptions;
  readonly hosts: readonly ListenTarget[];
  readonly logLevel: LogLevel;
  readonly pidfile?: string;
  /** Warnings for the operator, once the log is open. */
  readonly warnings: readonly string[];
}

const STANDARD_HOST = 'unix:///run/caisson/caisson.sock';

/** The first of them that this machine has may use the socket: who may use Docker may use this engine. */
const STANDARD_GROUPS = ['docker', 'caisson'];

/**
 * @throws {EngineError} `invalid` for a value that makes no sense, `not-implemented` for one that must not be ignored
 */
export function daemonOptions(settings: SettingValues): DaemonOptions {
  const reader = new SettingReader(settings);
  refuseUnsafe(reader);
  const pidfile = reader.string('pidfile');
  const hosts = (reader.list('hosts') ?? [STANDARD_HOST]).map((host) => listenTarget(host, reader));
  return {
    engine: engineOptions(reader, settings),
    hosts,
    logLevel: logLevel(reader),
    ...(pidfile !== undefined && { pidfile }),
    warnings: [...ignoredSettings(settings), ...hosts.flatMap(openDoor)],
  };
}

/** Settings that change who may do what are never accepted without effect. */
function refuseUnsafe(reader: SettingReader): void {
  const remap = reader.string('userns-remap');
  if (remap !== undefined && remap !== '') {
    throw new EngineError(
      'not-implemented',
      'Cannot use --userns-remap: user namespaces are not supported yet',
    );
  }
}

function ignoredSettings(settings: SettingValues): readonly string[] {
  return SETTINGS.filter(
    (setting) => setting.ignored && settings.has(settingKey(setting)) && setting.flag !== 'live-restore',
  ).map((setting) => `--${setting.flag} has no effect in this engine yet`);
}

/** An address where whoever reaches it is root on this machine. */
function openDoor(target: ListenTarget): readonly string[] {
  if (target.kind !== 'tcp' || target.tls?.ca !== undefined) return [];
  const address = `${target.tls ? 'https' : 'http'}://${target.host}:${target.port}`;
  return [
    `API is accessible on ${address} ${target.tls ? 'without client verification' : 'without encryption'}: access to it is equivalent to root access on this machine; use --tlsverify, or reach the socket over ssh`,
  ];
}

function engineOptions(reader: SettingReader, settings: SettingValues): EngineOptions {
  return {
    root: reader.string('root') ?? '/var/lib/caisson',
    run: reader.string('run'),
    bridge: reader.string('bridge'),
    bip: reader.string('bip'),
    iptables: reader.boolean('iptables'),
    icc: reader.boolean('icc'),
    userlandProxy: reader.boolean('userland-proxy'),
    ip: reader.string('ip'),
    dns: reader.list('dns'),
    dnsSearch: reader.list('dns-search'),
    dnsOptions: reader.list('dns-opts'),
    logDriver: reader.string('log-driver'),
    logOptions: reader.record('log-opts'),
    labels: reader.list('labels'),
    experimental: reader.boolean('experimental'),
    buildCache: cacheBudget(settings.get('builder')),
    cgroupParent: reader.string('cgroup-parent'),
    runtime: reader.choice('default-runtime', ['crun', 'runc', 'auto']),
    defaultShmSize: reader.bytes('default-shm-size'),
    defaultUlimits: reader.ulimits('default-ulimits'),
    initPath: reader.string('init-path'),
    seccompProfile: reader.string('seccomp-profile'),
    layerMode: reader.choice('layer-mode', ['auto', 'erofs', 'directory']),
    maximumLayerBytes: reader.number('max-layer-bytes'),
    networkPoolSize: reader.number('network-pool'),
    insecureRegistries: reader.list('insecure-registries'),
    registryMirrors: reader.list('registry-mirrors'),
    maxConcurrentDownloads: reader.number('max-concurrent-downloads'),
    maxConcurrentUploads: reader.number('max-concurrent-uploads'),
    imageBudget: budgetOf(reader),
  };
}

function budgetOf(reader: SettingReader): EngineOptions['imageBudget'] {
  const setting = reader.object('image-gc');
  return setting && imageBudget(setting);
}

function logLevel(reader: SettingReader): LogLevel {
  if (reader.boolean('debug') === true) return 'debug';
  const level = reader.choice('log-level', ['debug', 'info', 'warn', 'error', 'fatal']) ?? 'info';
  return level === 'fatal' ? 'error' : level;
}

/** `unix:///path`, `tcp://host:port`, `fd://` (systemd's first descriptor) or `fd://N`. */
function listenTarget(host: string, reader: SettingReader): ListenTarget {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) {
    return { kind: 'unix', path: rest, group: reader.string('group') ?? STANDARD_GROUPS };
  }
  if (scheme === 'fd') return { kind: 'fd', fd: /^\d+$/.test(rest) ? Number(rest) : 3 };
  if (scheme === 'tcp') return tcpTarget(host, reader);
  throw new EngineError(
    'invalid',
    `Cannot listen on ${host}: unix:///PATH, tcp://ADDRESS:PORT or fd:// expected`,
  );
}

function tcpTarget(host: string, reader: SettingReader): ListenTarget {
  const url = URL.parse(host.replace('tcp:', 'http:'));
  const tls = tlsOf(reader);
  if (!url) throw new EngineError('invalid', `Cannot listen on ${host}: not an address and port`);
  const port = url.port === '' ? (tls ? 2376 : 2375) : Number(url.port);
  return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port, ...(tls && { tls }) };
}

function tlsOf(reader: SettingReader): { cert: Buffer; key: Buffer; ca?: Buffer } | undefined {
  const verify = reader.boolean('tlsverify') === true;
  if (!verify && reader.boolean('tls') !== true) return undefined;
  const [cert, key, ca] = [reader.string('tlscert'), reader.string('tlskey'), reader.string('tlscacert')];
  if (cert === undefined || key === undefined || (verify && ca === undefined)) {
    throw new EngineError(
      'invalid',
      'Cannot use TLS: --tlscert, --tlskey and, with --tlsverify, --tlscacert are needed',
    );
  }
  return {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...(verify && ca !== undefined && { ca: readFileSync(ca) }),
  };
}

/** The configuration file's form is the command line's: an object with `Hard` and `Soft`. */
function ulimitOf(name: string, limit: unknown): ResourceLimit {
  const fields: Readonly<Record<string, unknown>> =
    typeof limit === 'object' && limit !== null ? { ...limit } : {};
  const { Hard, Soft } = fields;
  if (typeof Hard === 'number' && typeof Soft === 'number') return { name, hard: Hard, soft: Soft };
  throw new EngineError('invalid', `Cannot use default ulimit ${name}: numbers "Hard" and "Soft" expected`);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Typed access to settings whose kinds the table has checked. */
class SettingReader {
  readonly #settings: SettingValues;

  constructor(settings: SettingValues) {
    this.#settings = settings;
  }

  string(key: string): string | undefined {
    const value = this.#settings.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  boolean(key: string): boolean | undefined {
    const value = this.#settings.get(key);
    return typeof value === 'boolean' ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#settings.get(key);
    return typeof value === 'number' ? value : undefined;
  }

  list(key: string): readonly string[] | undefined {
    const value = this.#settings.get(key);
    return Array.isArray(value) ? value : undefined;
  }

  record(key: string): Readonly<Record<string, string>> | undefined {
    const value = this.#settings.get(key);
    if (typeof value !== 'object' || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, String(item)]));
  }

  object(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#settings.get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'object' && !Array.isArray(value)) return Object.fromEntries(Object.entries(value));
    throw new EngineError('invalid', `Cannot use --${key}: an object expected`);
  }

  ulimits(key: string): readonly ResourceLimit[] | undefined {
    const value = this.#settings.get(key);
    if (typeof value !== 'object' || Array.isArray(value)) return undefined;
    return Object.entries(value).map(([name, limit]) => ulimitOf(name, limit));
  }

  choice<const Choice extends string>(key: string, allowed: readonly Choice[]): Choice | undefined {
    const value = this.string(key);
    const chosen = allowed.find((candidate) => candidate === value);
    if (value === undefined || chosen !== undefined) return chosen;
    throw new EngineError('invalid', `Cannot use --${key}=${value}: one of ${allowed.join(', ')} expected`);
  }

  bytes(key: string): number | undefined {
    const value = this.string(key);
    if (value === undefined) return undefined;
    const [, digits, unit = ''] = /^(\d+)\s*([kmg]?)i?b?$/i.exec(value) ?? [];
    if (digits === undefined)
      throw new EngineError('invalid', `Cannot use --${key}=${value}: a size such as 64m expected`);
    return Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
  }
}
