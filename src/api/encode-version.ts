import type { EngineVersion } from '#engine/engine.ts';
import type { VersionInfo } from '#wire/system.ts';
import { API_VERSION, MINIMUM_API_VERSION } from '#wire/versions.ts';

/** The body of `GET /version`. */
export function encodeVersion(engine: EngineVersion): VersionInfo {
  const { version, runtime, node, kernel, architecture, isExperimental } = engine;
  const details = {
    ApiVersion: API_VERSION,
    Arch: architecture,
    BuildTime: '',
    Experimental: String(isExperimental),
    GitCommit: '',
    GoVersion: `node ${node}`,
    KernelVersion: kernel,
    MinAPIVersion: MINIMUM_API_VERSION,
    Os: 'linux',
  };
  return {
    Platform: { Name: 'Caisson' },
    Components: [
      { Name: 'Engine', Version: version, Details: details },
      { Name: runtime.name, Version: runtime.version, Details: { GitCommit: '' } },
    ],
    Version: version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MINIMUM_API_VERSION,
    GitCommit: '',
    GoVersion: details.GoVersion,
    Os: 'linux',
    Arch: architecture,
    KernelVersion: kernel,
    BuildTime: '',
    ...(isExperimental && { Experimental: true }),
  };
}
