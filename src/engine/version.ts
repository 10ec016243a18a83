import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fieldsOf } from '#base/json.ts';
import type { EngineVersion } from './engine.ts';

/** The version of the package, so that it is written in one place. */
export const ENGINE_VERSION = readVersion();

export function engineVersion(runtime: EngineVersion['runtime'], isExperimental: boolean): EngineVersion {
  return {
    version: ENGINE_VERSION,
    runtime: { name: runtime.name, version: runtime.version },
    node: process.version,
    kernel: release(),
    architecture: architecture(),
    isExperimental,
  };
}

/** Go's name of this machine's architecture, as images carry it. */
function architecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm', arm64: 'arm64' };
  return names[process.arch] ?? process.arch;
}

function readVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  const { version = '0.0.0' } = fieldsOf(JSON.parse(readFileSync(path, 'utf8')));
  return String(version);
}
