import type { ImageRecord } from '#image/image-record.ts';
import type { Platform } from '#oci/platform.ts';
import type { BaseImage } from '../bases/base-image.ts';
import type { BuildContext } from '../contexts/build-context.ts';
import type { BuildRequest } from '../build.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import type { Plan } from './plan.ts';
import { planDockerfile } from './plan-dockerfile.ts';

export interface PlatformPlan {
  readonly platform: Platform;
  readonly plan: Plan;
}

/** The plans of a build, one a platform in the order asked for, and their steps as those of one plan. */
export interface PlatformPlans {
  readonly plans: readonly PlatformPlan[];
  readonly combined: Pick<Plan, 'source' | 'steps'>;
}

/** @throws {DockerfileError} `invalid`, and what `resolve` throws */
export async function planPlatforms(
  text: string,
  context: BuildContext,
  request: BuildRequest,
  resolve: (image: BaseImage) => Promise<ImageRecord>,
): Promise<PlatformPlans> {
  const { platforms = [] } = request;
  const requests =
    platforms.length === 0 ? [request] : platforms.map((platform) => ({ ...request, platforms: [platform] }));
  const planners = requests.map((each) => planDockerfile(text, context, each));
  const unique = new Map(planners.map((planner) => [formatPlatform(planner.targetPlatform), planner]));
  const plans = await Promise.all(
    [...unique.values()].map(async (planner) => ({
      platform: planner.targetPlatform,
      plan: await planner.plan(resolve),
    })),
  );
  const source = { name: request.dockerfile, text };
  return { plans, combined: { source, steps: plans.flatMap((plan) => stepsOf(plan, plans.length > 1)) } };
}

function stepsOf({ platform, plan }: PlatformPlan, areSeveral: boolean): Plan['steps'] {
  if (!areSeveral) return plan.steps;
  const text = formatPlatform(platform);
  return plan.steps.map((step) => ({ ...step, platform: text }));
}
