import { readdirSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { readIfThere } from '#linux/read-if-there.ts';
import type { EngineInfo, HostInfo } from './engine.ts';

/** What the kernel and the environment say, added to what the engine knows of itself. */
export function completeInfo(known: Omit<EngineInfo, 'openFiles' | 'proxies' | 'host'>): EngineInfo {
  return {
    ...known,
    openFiles: countOpenFiles(),
    proxies: {
      http: process.env['HTTP_PROXY'] ?? '',
      https: process.env['HTTPS_PROXY'] ?? '',
      none: process.env['NO_PROXY'] ?? '',
    },
    host: readHost(),
  };
}

function readHost(): HostInfo {
  const system = readOsRelease();
  return {
    name: hostname(),
    operatingSystem: system.get('PRETTY_NAME') ?? 'Linux',
    operatingSystemVersion: system.get('VERSION_ID') ?? '',
    machine: unameMachine(),
    processors: cpus().length,
    memoryBytes: totalmem(),
    forwardsIpv4: readFlag('/proc/sys/net/ipv4/ip_forward'),
    filtersBridgedIpv4: readFlag('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    filtersBridgedIpv6: readFlag('/proc/sys/net/bridge/bridge-nf-call-ip6tables'),
  };
}

function readOsRelease(): ReadonlyMap<string, string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = readIfThere(path);
    if (text === undefined) continue;
    return new Map(
      [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
  }
  return new Map();
}

function unameMachine(): string {
  return process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;
}

function readFlag(path: string): boolean {
  return readIfThere(path)?.trim() === '1';
}

function countOpenFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}
