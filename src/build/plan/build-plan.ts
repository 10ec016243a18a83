import type { BuildProgress } from '../progress/build-progress.ts';
import type { StepPlace } from '../build.ts';
import type { Operation, Plan } from './plan.ts';
import type { PlatformPlan } from './plan-platforms.ts';

/** What is to be built, from a Dockerfile or a graph. What it reads of the client is there until it is disposed. */
export interface BuildPlan extends AsyncDisposable {
  readonly plans: readonly PlatformPlan[];
  /** Steps in the order in which the classic builder tells them. */
  readonly steps: Plan['steps'];
  /** Must be called before anything is solved. @param scans what scans of packages cover is needed as well */
  receive(options: { readonly scans: boolean }): Promise<void>;
  /** Tells what there is to be solved. */
  declare(progress: BuildProgress): void;
  /** True for vertices that the cache is not asked for. */
  isFresh(vertex: Operation): boolean;
  placeOf(vertex: Operation): StepPlace | undefined;
}
