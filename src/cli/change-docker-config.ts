import { mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Context } from './context.ts';
import { type DockerConfig, dockerConfigPath, loadDockerConfig } from './docker-config.ts';
import { ExitError } from './usage-error.ts';

/**
 * Writes what `change` makes of the configuration; keys that this program does not know stay as they are.
 *
 * @throws {ExitError} if the file cannot be read: writing it anew would lose what it holds
 */
export function changeDockerConfig(context: Context, change: (config: DockerConfig) => DockerConfig): void {
  const file = dockerConfigPath(context);
  let config: DockerConfig;
  try {
    config = change(loadDockerConfig(context));
  } catch (error) {
    throw new ExitError(1, `${context.program}: Cannot change ${file}: ${messageOf(error)}`);
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // A link stays one: people keep the file elsewhere and link to it.
  const target = realPath(file);
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(config, undefined, '\t')}\n`, { mode: 0o600 });
  renameSync(draft, target);
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
