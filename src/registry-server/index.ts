/** The library's door to the registry: `import { startRegistry } from 'caisson/registry'`. */
export { EngineError } from '#base/errors.ts';
export { createLogger, type Logger } from '#base/log.ts';
export { setUser } from './htpasswd.ts';
export type {
  GarbageOptions,
  GarbageReport,
  ListenAddress,
  RegistryLimits,
  RegistryOptions,
  RegistryTls,
  RunningRegistry,
  Upstream,
  UpstreamManifest,
} from './registry-server.ts';
export { openUpstream } from './registry-upstream.ts';
export { collectRegistryGarbage, startRegistry } from './start-registry.ts';
