/** Turns settings, checked for their form, into typed options, checked for their sense. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { fieldsOf } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { type IpAddress, isIpAddress } from '#base/ip-address.ts';
import { parsePrefix, prefixFamily, prefixLengthOf } from '#base/ip-prefix.ts';
import type { LogFormat, LogLevel } from '#base/log.ts';
import type { ListenTarget } from '#api/listen.ts';
import type { EngineOptions } from '#engine/options.ts';
import type { AddressPool } from '#network/network.ts';
import type { ResourceLimit } from '#container/container-spec.ts';
import { cacheBudget } from './builder-options.ts';
import { imageBudget } from './image-gc-setting.ts';
import { SETTINGS, settingKey, type SettingValues } from './daemon-settings.ts';

export interface DaemonOptions {
  readonly engine: EngineOptions;
  readonly hosts: readonly ListenTarget[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Options of networks whose client says nothing else, by driver. */
  readonly networkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
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
  const pidfile = reader.string('pidfile');
  const hosts = (reader.list('hosts') ?? [STANDARD_HOST]).map((host) => listenTarget(host, reader));
  return {
    engine: engineOptions(reader, settings),
    hosts,
    logLevel: logLevel(reader),
    ...(pidfile !== undefined && { pidfile }),
    networkOptions: reader.maps('default-network-opts'),
    logFormat: reader.choice('log-format', ['text', 'json']) ?? 'text',
    warnings: [...missingWarnings(settings), ...hosts.flatMap(openDoor)],
  };
}

/**
 * Warnings about what dockerd has and this engine does not.
 *
 * @throws {EngineError} `not-implemented` for what must not be ignored
 */
function missingWarnings(settings: SettingValues): readonly string[] {
  return SETTINGS.flatMap((setting) => {
    const value = settings.get(settingKey(setting));
    const { missing, flag } = setting;
    if (!missing || value === undefined || missing.harmless?.includes(JSON.stringify(value))) return [];
    if (missing.isRefused) throw new EngineError('not-implemented', `Cannot use --${flag}: ${missing.why}`);
    return [`--${flag} has no effect: ${missing.why}`];
  });
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
    fixedCidr: reader.string('fixed-cidr'),
    ipv6: reader.boolean('ipv6'),
    fixedCidrV6: reader.string('fixed-cidr-v6'),
    mtu: reader.number('mtu') || undefined,
    ipMasq: reader.boolean('ip-masq'),
    ipForward: reader.boolean('ip-forward'),
    addressPools: reader.records('default-address-pools')?.map(addressPool),
    hostGateway: hostGateway(reader),
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
    init: reader.boolean('init'),
    noNewPrivileges: reader.boolean('no-new-privileges'),
    ipcMode: reader.choice('default-ipc-mode', ['private', 'shareable']),
    cgroupNamespace: reader.choice('default-cgroupns-mode', ['private', 'host']),
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

/** `{ "base": "10.0.0.0/8", "size": 24 }` */
function addressPool({ base, size }: Readonly<Record<string, unknown>>): AddressPool {
  const prefix = parsePrefix(String(base));
  const length = Number(size);
  const limit = prefixFamily(prefix) === 'ipv4' ? 30 : 126;
  if (Number.isInteger(length) && length >= prefixLengthOf(prefix) && length <= limit)
    return { base: prefix, size: length };
  throw new EngineError(
    'invalid',
    `Cannot use --default-address-pool: ${prefix} has no subnets of size ${String(size)}`,
  );
}

/** The engine has host gateways of IPv4 alone. */
function hostGateway(reader: SettingReader): IpAddress | undefined {
  const addresses = reader.list('host-gateway-ips') ?? [];
  const text = reader.string('host-gateway-ip') ?? addresses.find((address) => isIPv4(address));
  if (text === undefined || text === '') return undefined;
  if (isIpAddress(text)) return text;
  throw new EngineError('invalid', `Cannot use --host-gateway-ip=${text}: an address expected`);
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

/** `unix:///path`, `tcp://host:port`, `host:port`, `fd://` (systemd's first descriptor) or `fd://N`. */
function listenTarget(host: string, reader: SettingReader): ListenTarget {
  const [, scheme = 'tcp', rest = host] = /^([a-z]+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) {
    return { kind: 'unix', path: rest, group: reader.string('group') ?? STANDARD_GROUPS };
  }
  if (scheme === 'fd') return { kind: 'fd', fd: /^\d+$/.test(rest) ? Number(rest) : 3 };
  if (scheme === 'tcp') return tcpTarget(rest, reader);
  throw new EngineError(
    'invalid',
    `Cannot listen on ${host}: unix:///PATH, tcp://ADDRESS:PORT or fd:// expected`,
  );
}

function tcpTarget(host: string, reader: SettingReader): ListenTarget {
  // Without an address it is the machine's own, as in Docker.
  const url = URL.parse(`http://${/^(:|$)/.test(host) ? 'localhost' : ''}${host}`);
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
  const { Hard, Soft } = fieldsOf(limit);
  if (typeof Hard === 'number' && typeof Soft === 'number') return { name, hard: Hard, soft: Soft };
  throw new EngineError('invalid', `Cannot use default ulimit ${name}: numbers "Hard" and "Soft" expected`);
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, item]) => [name, String(item)]));
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
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
  }

  record(key: string): Readonly<Record<string, string>> | undefined {
    const value = this.#settings.get(key);
    return typeof value !== 'object' || Array.isArray(value) ? undefined : textsOf(value);
  }

  records(key: string): readonly Readonly<Record<string, unknown>>[] | undefined {
    const value = this.#settings.get(key);
    if (!Array.isArray(value)) return undefined;
    return value.filter((item) => typeof item === 'object');
  }

  maps(key: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
    const value = this.object(key) ?? {};
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, textsOf(own)]));
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
