/** What a scan of packages covers beside the result: BuildKit's arguments for it (docs/attestations/sbom.md). */
import type { BuildContext } from '../contexts/build-context.ts';
import type { CopyVertex } from '../definition/vertex.ts';
import { parseGoBoolean } from '#base/booleans.ts';
import type { ScanTarget } from './plan.ts';
import type { StagePlanner } from './plan-stage.ts';

/** @param planned all stages that the result needs, the target among them */
export function scanTargets(
  target: StagePlanner,
  planned: readonly StagePlanner[],
  context: BuildContext,
): readonly ScanTarget[] {
  const stages = planned
    .filter((stage) => stage !== target && isWanted(stage, 'BUILDKIT_SBOM_SCAN_STAGE'))
    .map(({ name, image }) => ({ name, vertex: image.vertex }));
  return isWanted(target, 'BUILDKIT_SBOM_SCAN_CONTEXT')
    ? [{ name: 'context', vertex: copyOf(context) }, ...stages]
    : stages;
}

/** The argument is a boolean, or a list of stages. */
function isWanted(stage: StagePlanner, argument: string): boolean {
  const value = stage.builderArg(argument);
  if (value === undefined) return false;
  return parseGoBoolean(value) ?? value.split(',').includes(stage.name);
}

function copyOf({ files: source }: BuildContext): CopyVertex {
  const parent = { kind: 'base', layers: [] } as const;
  return { kind: 'copy', parent, files: [{ source, paths: ['/'] }], destination: '/' };
}
