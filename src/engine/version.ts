import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { VersionInfo } from '#wire/system.ts';
import { API_VERSION, MINIMUM_API_VERSION } from '#wire/versions.ts';

/** From the package, so that it is written in one place. */
export const ENGINE_VERSION = readVersion();

/** The body of `GET /version`. */
export function versionInfo(
  runtime: { readonly name: string; readonly version: string },
  experimental: boolean,
): VersionInfo {
  const details = {
    ApiVersion: API_VERSION,
    Arch: architecture(),
    BuildTime: '',
    Experimental: String(experimental),
    GitCommit: '',
    GoVersion: `node ${process.version}`,
    KernelVersion: release(),
    MinAPIVersion: MINIMUM_API_VERSION,
    Os: 'linux',
  };
  return {
    Platform: { Name: 'Caisson' },
    Components: [
      { Name: 'Engine', Version: ENGINE_VERSION, Details: details },
      { Name: runtime.name, Version: runtime.version, Details: { GitCommit: '' } },
    ],
    Version: ENGINE_VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MINIMUM_API_VERSION,
    GitCommit: '',
    GoVersion: details.GoVersion,
    Os: 'linux',
    Arch: details.Arch,
    KernelVersion: details.KernelVersion,
    BuildTime: '',
    ...(experimental && { Experimental: true }),
  };
}

/** Go's name of this machine's architecture, as images carry it. */
export function architecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm', arm64: 'arm64' };
  return names[process.arch] ?? process.arch;
}

function readVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed
    ? String(parsed.version)
    : '0.0.0';
}
