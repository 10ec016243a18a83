import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Context } from './context.ts';
import { type DockerConfig, dockerConfigPath, readDockerConfig } from './docker-config.ts';

type Credentials = NonNullable<DockerConfig['auths']>[string];

/** Remembers the credentials for a registry, or forgets them (undefined), in the file that Docker's client uses too. */
export function changeCredentials(
  context: Context,
  registry: string,
  credentials: Credentials | undefined,
): void {
  const config = readDockerConfig(context);
  const others = Object.entries(config.auths ?? {}).filter(([name]) => name !== registry);
  const auths = Object.fromEntries(credentials ? [...others, [registry, credentials]] : others);
  const file = dockerConfigPath(context);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify({ ...config, auths }, undefined, '\t')}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
