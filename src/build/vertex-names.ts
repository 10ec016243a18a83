/** The names of steps in progress displays: BuildKit's words, which people and their scripts know. */
import type { PlannedStep } from './plan.ts';

/**
 * `[2/3] RUN make`, `[stage-1 2/3] COPY . .`, `[linux/arm64 2/3] RUN make`: the steps of each stage that do something, numbered from 1.
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
      const prefix = [step.platform, displayName].map((word) => (word ? `${word} ` : '')).join('');
      names.set(step, `[${prefix}${number}/${total}] ${step.title}`);
    }
  return names;
}
