import type { ImageHealthcheck } from '#oci/image-defaults.ts';
import type { HealthCheck, HealthProbe } from '../container-spec.ts';

/** The health check of an image; a probe of an unknown kind is none. */
export function healthOf(check: ImageHealthcheck): HealthCheck {
  const { Test = [], Interval, Timeout, Retries, StartPeriod, StartInterval } = check;
  return {
    ...(Test.length > 0 && { probe: probeOf(Test) }),
    ...(Interval && { intervalNs: Interval }),
    ...(Timeout && { timeoutNs: Timeout }),
    ...(Retries && { retries: Retries }),
    ...(StartPeriod && { startPeriodNs: StartPeriod }),
    ...(StartInterval && { startIntervalNs: StartInterval }),
  };
}

function probeOf([kind, ...words]: readonly string[]): HealthProbe {
  if (kind === 'CMD') return { kind: 'command', words };
  return kind === 'CMD-SHELL' ? { kind: 'shell', words } : { kind: 'none' };
}

/** {@link healthOf} backwards. */
export function imageHealthcheck(health: HealthCheck): ImageHealthcheck {
  const { probe, intervalNs, timeoutNs, retries, startPeriodNs, startIntervalNs } = health;
  return {
    ...(probe && { Test: testOf(probe) }),
    ...(intervalNs !== undefined && { Interval: intervalNs }),
    ...(timeoutNs !== undefined && { Timeout: timeoutNs }),
    ...(retries !== undefined && { Retries: retries }),
    ...(startPeriodNs !== undefined && { StartPeriod: startPeriodNs }),
    ...(startIntervalNs !== undefined && { StartInterval: startIntervalNs }),
  };
}

function testOf(probe: HealthProbe): readonly string[] {
  switch (probe.kind) {
    case 'none':
      return ['NONE'];
    case 'command':
      return ['CMD', ...probe.words];
    case 'shell':
      return ['CMD-SHELL', ...probe.words];
  }
}
