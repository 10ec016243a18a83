import type { ExecSpec } from '#container/container.ts';

/** What a further process in a container may have of its own; what is left out is as the container has it. */
export interface ExecOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  /** Absolute. */
  readonly workingDirectory?: string;
}

export function execSpecOf(command: readonly string[], options: ExecOptions): ExecSpec {
  const { environment = {}, user, workingDirectory } = options;
  return {
    command,
    environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(user !== undefined && { user }),
    ...(workingDirectory !== undefined && { workingDirectory }),
    privileged: false,
    terminal: false,
    attachesStdin: false,
    attachesStdout: true,
    attachesStderr: true,
    detachKeys: '',
  };
}
