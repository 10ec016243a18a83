import type { OpenFilesLimit } from '#linux/open-files-limit.ts';

/** `bin/caissond` tells by it which soft limit the daemon was started with, before Node raised it. */
const VARIABLE = 'CAISSON_OPEN_FILES';

/** What a running container takes of the daemon's descriptors, and what the daemon takes for itself. */
const EACH_CONTAINER = 6;
const OWN = 200;
const MANY_CONTAINERS = 1000;

/** What containers get: the limit that the daemon was started with. Undefined where that is its present one. */
export function containerOpenFiles(
  environment: NodeJS.ProcessEnv,
  { soft, hard }: OpenFilesLimit,
): OpenFilesLimit | undefined {
  const inherited = Number(environment[VARIABLE]);
  return Number.isInteger(inherited) && inherited > 0 && inherited < soft
    ? { soft: inherited, hard }
    : undefined;
}

/** How many containers the daemon's own limit allows; undefined where that is more than one host runs. */
export function fewContainers({ soft }: OpenFilesLimit): number | undefined {
  const possible = Math.floor((soft - OWN) / EACH_CONTAINER);
  return possible < MANY_CONTAINERS ? Math.max(0, possible) : undefined;
}
