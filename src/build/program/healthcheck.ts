export interface HealthcheckOptions {
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly startPeriodSeconds?: number;
  readonly startIntervalSeconds?: number;
  readonly retries?: number;
}

export function healthcheckFlags(options: HealthcheckOptions): readonly string[] {
  const { intervalSeconds, timeoutSeconds, startPeriodSeconds, startIntervalSeconds, retries } = options;
  const flags: readonly (readonly [string, string | number | undefined])[] = [
    ['interval', seconds(intervalSeconds)],
    ['timeout', seconds(timeoutSeconds)],
    ['start-period', seconds(startPeriodSeconds)],
    ['start-interval', seconds(startIntervalSeconds)],
    ['retries', retries],
  ];
  return flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value}s`;
}
