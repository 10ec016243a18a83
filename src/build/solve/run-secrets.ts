import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { StepMount } from '#container/run/step-run.ts';
import { MountFlag, mountFilesystem, unmountAll } from '#linux/mount.ts';
import { bindOptions } from './bind-options.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { SecretMount } from '../definition/exec-mount.ts';

const FLAGS = MountFlag.noSuid | MountFlag.noDev | MountFlag.noExec;

export interface OpenSecret {
  readonly mounts: readonly StepMount[];
  readonly environment: readonly string[];
}

/** The secrets of one command: fetched when it starts, kept in memory that is never swapped, gone when it ends. */
export class RunSecrets implements Disposable {
  readonly #directory: string;
  #count = 0;

  /** @param parent a directory of the command's */
  constructor(parent: string) {
    this.#directory = join(parent, 'secrets');
    mkdirSync(this.#directory, { mode: 0o700 });
    mountFilesystem('ramfs', this.#directory, { flags: FLAGS, data: 'mode=700' });
  }

  /**
   * Fetches the secret. Nothing is mounted for an optional one that the client does not have.
   *
   * @throws {EngineError} `invalid` where it is required
   */
  async open(
    mount: SecretMount,
    { session, signal }: { readonly session?: BuildSession; readonly signal: AbortSignal },
  ): Promise<OpenSecret> {
    const { id, required, target, environment } = mount;
    const value = await session?.secret(id, signal);
    if (!value) {
      if (required) throw new EngineError('invalid', `secret ${id}: not found`);
      return { mounts: [], environment: [] };
    }
    return {
      mounts: target === undefined ? [] : [this.#file(target, value, mount)],
      environment: environment === undefined ? [] : [variable(environment, value)],
    };
  }

  [Symbol.dispose](): void {
    unmountAll(this.#directory);
  }

  #file(destination: string, value: Buffer, { owner }: SecretMount): StepMount {
    this.#count += 1;
    const source = join(this.#directory, `${this.#count}`);
    writeFileSync(source, value, { flag: 'wx', mode: 0o600 });
    chownSync(source, owner.uid, owner.gid);
    chmodSync(source, owner.mode);
    const options = [...bindOptions(true), 'nosuid', 'nodev', 'noexec'];
    return { type: 'bind', destination, source, options, isFile: true };
  }
}

function variable(name: string, value: Buffer): string {
  if (value.includes(0))
    throw new EngineError('invalid', `Cannot set variable ${name}: its secret holds a zero byte`);
  return `${name}=${value.toString()}`;
}
