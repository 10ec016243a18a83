/** Programs that keep credentials in place of the configuration file: `docker-credential-NAME`. */
import { spawnSync } from 'node:child_process';
import type { RegistryAuth } from '#wire/registry-auth.ts';
import type { Context } from './context.ts';
import { readDockerConfig } from './docker-config.ts';
import { ExitError } from './usage-error.ts';

/** What helpers say where they have nothing (docker-credential-helpers, credentials/error.go). */
const NOT_FOUND = 'credentials not found';

/** The user name that stands for an identity token. */
const TOKEN_USER = '<token>';

/** The helper for a registry, where the configuration names one. */
export function helperFor(context: Context, registry: string): string | undefined {
  const { credHelpers, credsStore } = readDockerConfig(context);
  return credHelpers?.[registry] ?? credHelpers?.[hostOf(registry)] ?? (credsStore || undefined);
}

/** Undefined where the helper knows none. */
export function readFromHelper(context: Context, helper: string, registry: string): RegistryAuth | undefined {
  const answer = run(context, helper, 'get', registry);
  if (answer === undefined) return undefined;
  const { Username = '', Secret = '' }: { readonly Username?: string; readonly Secret?: string } =
    JSON.parse(answer);
  return Username === TOKEN_USER
    ? { serveraddress: registry, identitytoken: Secret }
    : { serveraddress: registry, username: Username, password: Secret };
}

export function storeInHelper(context: Context, helper: string, auth: RegistryAuth): void {
  const { serveraddress = '', username = '', password = '', identitytoken } = auth;
  const secret = identitytoken
    ? { Username: TOKEN_USER, Secret: identitytoken }
    : { Username: username, Secret: password };
  run(context, helper, 'store', JSON.stringify({ ServerURL: serveraddress, ...secret }));
}

export function eraseFromHelper(context: Context, helper: string, registry: string): void {
  run(context, helper, 'erase', registry);
}

/** @returns its output; undefined if it has no such credentials */
function run(context: Context, helper: string, verb: string, input: string): string | undefined {
  const program = `docker-credential-${helper}`;
  const { status, stdout, stderr, error } = spawnSync(program, [verb], {
    input,
    encoding: 'utf8',
    env: context.environment,
  });
  if (error) throw new ExitError(1, `${context.program}: cannot run ${program}: ${error.message}`);
  if (status === 0) return stdout;
  if (`${stdout}${stderr}`.includes(NOT_FOUND)) return undefined;
  throw new ExitError(1, `${context.program}: ${program} ${verb}: ${(stderr || stdout).trim()}`);
}

/** `https://host:port/path` and `host:port` mean the same. */
export function hostOf(registry: string): string {
  return registry.replace(/^https?:\/\//, '').split('/')[0] ?? '';
}
