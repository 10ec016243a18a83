import type { HealthConfig } from '#wire/container-config.ts';
import { UsageError } from '../usage-error.ts';
import type { ContainerFlags } from './container-flags.ts';

/** The health check that the flags ask for; undefined where they ask for none. */
export function healthcheck(flags: ContainerFlags): HealthConfig | undefined {
  const asked =
    flags.healthCmd !== '' ||
    Boolean(
      flags.healthInterval ||
        flags.healthTimeout ||
        flags.healthStartPeriod ||
        flags.healthStartInterval ||
        flags.healthRetries,
    );
  if (flags.noHealthcheck) {
    if (asked) throw new UsageError('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!asked) return undefined;
  checkNotNegative(flags);
  return {
    ...(flags.healthCmd === '' ? {} : { Test: ['CMD-SHELL', flags.healthCmd] }),
    ...(flags.healthInterval ? { Interval: flags.healthInterval } : {}),
    ...(flags.healthTimeout ? { Timeout: flags.healthTimeout } : {}),
    ...(flags.healthStartPeriod ? { StartPeriod: flags.healthStartPeriod } : {}),
    ...(flags.healthStartInterval ? { StartInterval: flags.healthStartInterval } : {}),
    ...(flags.healthRetries ? { Retries: flags.healthRetries } : {}),
  };
}

function checkNotNegative(flags: ContainerFlags): void {
  const values = {
    'health-interval': flags.healthInterval,
    'health-timeout': flags.healthTimeout,
    'health-retries': flags.healthRetries,
    'health-start-period': flags.healthStartPeriod,
    'health-start-interval': flags.healthStartInterval,
  };
  for (const [flag, value] of Object.entries(values)) {
    if ((value ?? 0) < 0) throw new UsageError(`--${flag} cannot be negative`);
  }
}
