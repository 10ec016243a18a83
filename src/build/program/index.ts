/** Builds as programs: `import { build, from, scratch, run, copy } from 'caisson/build'`. */
export type { BuildEvent } from '../build.ts';
export { build, type BuildOptions, type BuildResult, type Output } from './build.ts';
export { dockerfileOf, type ProgramText } from './dockerfile-text.ts';
export type { HealthcheckOptions } from './healthcheck.ts';
export {
  bind,
  type BindMount,
  cache,
  type CacheMount,
  type Mount,
  secret,
  type SecretMount,
  ssh,
  tmpfs,
} from './mounts.ts';
export {
  type FileOrigin,
  from,
  git,
  http,
  local,
  type LocalDirectory,
  type RemoteSource,
  scratch,
} from './origins.ts';
export { type CopyOptions, type RunOptions, type State, type Step } from './state.ts';
export { copy, env, label, run, user, workdir } from './steps.ts';
