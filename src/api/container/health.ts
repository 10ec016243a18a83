import { healthOf, imageHealthcheck } from '#container/create/health-check.ts';
import type { HealthCheck } from '#container/container-spec.ts';
import type { HealthConfig } from '#wire/container-config.ts';

/** Docker's API and image configurations say health checks alike, but for `null`. */
export function healthOfRequest({ Test, ...asked }: HealthConfig): HealthCheck {
  return healthOf({ ...asked, ...(Test && { Test }) });
}

/** {@link healthOfRequest} backwards; the probe is shown as the client wrote it, where it did. */
export function encodeHealth(health: HealthCheck, asked: HealthConfig | undefined): HealthConfig {
  const isWritten = asked?.Test && asked.Test.length > 0;
  return { ...imageHealthcheck(health), ...(isWritten && { Test: asked.Test }) };
}
