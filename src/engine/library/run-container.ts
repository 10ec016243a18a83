import { isEngineError } from '#base/errors.ts';
import type { Containers } from '#container/container.ts';
import type { ImageStore } from '#image/image.ts';
import { type RunOptions, specOf } from './run-options.ts';
import { RunningContainer } from './running-container.ts';

/** What a program does with containers: all verbs of the domain, and one for the common case. */
export interface LibraryContainers extends Containers {
  /**
   * Creates and starts a container, pulling its image where it is not here. It outlives the program unless it is
   * disposed.
   *
   * @throws {EngineError} as `create` and `start` do, and what a pull fails with; nothing is left behind then
   */
  run(options: RunOptions): Promise<RunningContainer>;
}

/** The verbs of the domain with the one for the common case beside them. */
export function withRun(dependencies: RunDependencies): LibraryContainers {
  return Object.assign(dependencies.containers, {
    run: (options: RunOptions) => runContainer(dependencies, options),
  });
}

/** What running a container takes. */
interface RunDependencies {
  readonly containers: Containers;
  readonly images: Pick<ImageStore, 'pull'>;
}

async function runContainer(
  { containers, images }: RunDependencies,
  options: RunOptions,
): Promise<RunningContainer> {
  const { image, name, pull = 'missing', signal } = options;
  const request = { spec: specOf(options), ...(name !== undefined && { name }) };
  if (pull === 'always') await pullImage(images, image, signal);
  const { id } = await createPulling(
    () => containers.create(request),
    () => pullImage(images, image, signal),
    pull,
  );
  try {
    signal?.throwIfAborted();
    const { exit } = await containers.wait(id, 'next-exit');
    const exited = exit.then(({ exitCode }) => exitCode);
    // It is met where it is waited for, if it is.
    exited.catch(() => undefined);
    await containers.start(id);
    return new RunningContainer(containers, id, exited);
  } catch (error) {
    await containers.remove(id, { force: true, volumes: true, link: false });
    throw error;
  }
}

async function createPulling<T>(
  create: () => Promise<T>,
  pullMissing: () => Promise<void>,
  pull: RunOptions['pull'],
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (pull !== 'missing' || !isEngineError(error, 'not-found')) throw error;
    await pullMissing();
    return await create();
  }
}

async function pullImage(
  images: Pick<ImageStore, 'pull'>,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const _ of images.pull({ reference, ...(signal && { signal }) })) {
    // Its progress is for people.
  }
}
