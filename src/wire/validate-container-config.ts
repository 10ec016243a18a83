import { EngineError } from '#base/errors.ts';
import type { ContainerConfig, HealthConfig } from './container-config.ts';

const MINIMUM_HEALTH_DURATION_NS = 1_000_000;

/** Refuses what no host could run. @throws {EngineError} `invalid`, with Docker's texts */
export function validateContainerConfig(config: ContainerConfig): void {
  validateEnvironment(config.Env ?? []);
  if (config.WorkingDir !== '' && !config.WorkingDir.startsWith('/')) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  if (config.Healthcheck) validateHealthcheck(config.Healthcheck);
  rejectNul('command', [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]);
  rejectNul('user, host name or working directory', [
    config.User,
    config.Hostname,
    config.Domainname,
    config.WorkingDir,
  ]);
}

/** `KEY=value` or `KEY` each. @throws {EngineError} `invalid` */
export function validateEnvironment(environment: readonly string[]): void {
  for (const entry of environment) {
    if (entry === '' || entry.startsWith('=')) throw invalid(`invalid environment variable: ${entry}`);
  }
  rejectNul('environment variable', environment);
}

/** The kernel ends strings at a NUL: what follows one would silently be lost. @throws {EngineError} `invalid` */
export function rejectNul(what: string, values: readonly string[]): void {
  if (values.some((value) => value.includes('\0'))) throw invalid(`invalid ${what}: contains a NUL byte`);
}

function validateHealthcheck(health: HealthConfig): void {
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const duration = health[name] ?? 0;
    if (duration !== 0 && duration < MINIMUM_HEALTH_DURATION_NS) {
      throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((health.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative');
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
