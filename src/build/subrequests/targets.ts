import type { Dockerfile } from '#dockerfile/ast.ts';
import { type Answer, answerOf, base64, describedIn, locationOf } from './answer.ts';
import { tabulate } from './tabulate.ts';

/** `frontend.targets`: the stages that can be built. */
export function describeTargets({ stages, source }: Dockerfile): Answer {
  const targets = stages.map(({ index, from: { base, comments, platform, range, stageName } }) => ({
    ...(stageName !== undefined && { name: stageName }),
    ...(index === stages.length - 1 && { default: true }),
    description: describedIn(comments, stageName),
    base,
    ...(platform !== undefined && { platform }),
    location: locationOf(range),
  }));
  const rows = targets.map(({ name = '', default: isDefault, description = '' }) => [
    isDefault ? `${name} (default)`.trimStart() : name,
    description,
  ]);
  return answerOf(
    { targets, sources: [base64(source.text)] },
    tabulate([['TARGET', 'DESCRIPTION'], ...rows], 1),
  );
}
