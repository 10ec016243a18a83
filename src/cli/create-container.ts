import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { ApiError } from '#client/api-error.ts';
import { createContainer, type CreatedContainer } from '#client/containers.ts';
import type { CreateBody } from '#wire/container.ts';
import type { ContainerFlags } from './container-options/container-flags.ts';
import type { Context } from './context.ts';
import { ExitError, UsageError } from './usage-error.ts';

type CreateFlags = Pick<ContainerFlags, 'cidfile' | 'name' | 'platform' | 'pull' | 'quiet'>;

/** Creates a container, pulling its image first where `--pull` says so or the image is missing. */
export async function createWithPull(
  context: Context,
  flags: CreateFlags,
  image: string,
  body: CreateBody,
): Promise<CreatedContainer> {
  if (!['always', 'missing', 'never'].includes(flags.pull)) {
    throw new UsageError(
      `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`,
    );
  }
  using cidFile = reserveCidFile(flags.cidfile);
  if (flags.pull === 'always') await pull(context, flags, image);
  const created = await createOnce(context, flags, image, body);
  for (const warning of created.Warnings ?? []) context.say(`WARNING: ${warning}`);
  cidFile.write(created.Id);
  return created;
}

async function createOnce(
  context: Context,
  flags: CreateFlags,
  image: string,
  body: CreateBody,
): Promise<CreatedContainer> {
  const query = { name: flags.name || undefined, platform: flags.platform || undefined };
  try {
    return await createContainer(context.client, body, query);
  } catch (error) {
    if (!isMissingImage(error) || flags.pull !== 'missing') throw error;
    if (!flags.quiet) context.say(`Unable to find image '${withTag(image)}' locally`);
  }
  await pull(context, flags, image);
  return createContainer(context.client, body, query);
}

const MISSING = /No such image|does not provide the specified platform/;

function isMissingImage(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && MISSING.test(error.message);
}

async function pull(context: Context, flags: CreateFlags, image: string): Promise<void> {
  const { pullImage } = await import('./pull-image.ts');
  // Standard output is the container's: the progress goes beside it.
  const output = flags.quiet ? undefined : context.stderr;
  await pullImage(context, image, { platform: flags.platform, output });
}

/** Names without a tag or digest mean `latest`. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? image : `${image}:latest`;
}

interface CidFile extends Disposable {
  write(id: string): void;
}

/** The file of `--cidfile` must not exist before, and does not exist after a failure. */
function reserveCidFile(path: string): CidFile {
  if (path === '') return { write() {}, [Symbol.dispose]() {} };
  if (existsSync(path)) {
    throw new ExitError(
      125,
      `caisson: container ID file found, make sure the other container isn't running or delete ${path}`,
    );
  }
  writeFileSync(path, '', { flag: 'wx' });
  let written = false;
  return {
    write: (id) => {
      writeFileSync(path, id);
      written = true;
    },
    [Symbol.dispose]: () => {
      if (!written) rmSync(path, { force: true });
    },
  };
}
