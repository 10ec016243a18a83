/** The names of steps in progress displays: BuildKit's words, which people and their scripts know. */
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import type { PlannedStep } from './plan.ts';

/**
 * `[2/3] RUN make`, `[stage-1 2/3] COPY . .`: the steps of each stage that do something, numbered from 1. Where there
 * are several platforms, `[linux/arm64 2/3] RUN make`, and `[linux/amd64->arm64 2/3] RUN make` where a stage runs on
 * one to make something for another.
 *
 * @param steps of whole stages
 */
export function stepNames(steps: readonly PlannedStep[]): ReadonlyMap<PlannedStep, string> {
  const shown = steps.filter(({ title }) => title !== undefined);
  const stages = Map.groupBy(shown, ({ stage }) => stage);
  const names = new Map<PlannedStep, string>();
  for (const [{ displayName }, members] of stages)
    for (const [index, step] of members.entries()) {
      const total = String(members.length);
      const number = String(index + 1).padStart(total.length);
      const prefix = [platformOf(step), displayName].map((word) => (word ? `${word} ` : '')).join('');
      names.set(step, `[${prefix}${number}/${total}] ${step.title}`);
    }
  return names;
}

function platformOf({ platform: target, stage, isBase }: PlannedStep): string | undefined {
  if (target === undefined || !stage.platform) return target;
  const own = formatPlatform(stage.platform);
  const [, architecture] = target.split('/', 2);
  return isBase || stage.platform.architecture === architecture ? own : `${own}->${architecture}`;
}
