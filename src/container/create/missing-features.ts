import type { ContainerSpec } from '../container-spec.ts';

/** What of a spec this engine keeps and shows, but does not do yet: one sentence each. */
export function missingWarnings({ restart, health }: ContainerSpec): readonly string[] {
  const warnings: string[] = [];
  if (restart.kind !== 'no') warnings.push(restartWarning(restart));
  if (health?.probe && health.probe.kind !== 'none') {
    warnings.push('The health check has no effect: this engine does not check the health of containers yet.');
  }
  return warnings;
}

export function restartWarning({ kind }: ContainerSpec['restart']): string {
  return `The restart policy ${kind} has no effect: this engine does not restart containers by itself yet.`;
}
