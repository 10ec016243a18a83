import type { HostConfig, ContainerConfig } from '#wire/container.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import type { ExecVertex } from '../definition/vertex.ts';

/** The same for every command, or what writes it down would be different each time; BuildKit's. */
const SANDBOX_HOSTNAME = 'buildkitsandbox';

/**
 * The container configuration of a step's command.
 *
 * @param more variables that are in nothing else: secrets
 */
export function commandConfig(
  { argv, env, proxies, workingDirectory, user, hostname = SANDBOX_HOSTNAME }: ExecVertex,
  more: readonly string[] = [],
): ContainerConfig {
  const Config = {
    Image: 'build',
    Cmd: argv,
    Env: [...env, ...proxies, ...more],
    WorkingDir: workingDirectory,
    User: user,
    Hostname: hostname,
  };
  return decodeCreateRequest(JSON.stringify(Config)).config;
}

/** What clients may set of a step's container, completed. @throws {EngineError} `invalid` */
export function commandHostConfig(fields: Readonly<Record<string, unknown>>): HostConfig {
  return decodeCreateRequest(JSON.stringify({ Image: 'build', HostConfig: fields })).hostConfig;
}
