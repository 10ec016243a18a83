/** `caisson-registry`: a registry as a process of its own. */
import { mkdirSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { EngineError, isEngineError, messageOf } from '#base/errors.ts';
import { createLogger } from '#base/log.ts';
import { removeUser, setUser } from '#registry-server/htpasswd.ts';
import type { GarbageReport } from '#registry-server/registry-server.ts';
import { openUpstream } from '#registry-server/registry-upstream.ts';
import { collectRegistryGarbage, startRegistry } from '#registry-server/start-registry.ts';
import { readPassword } from './read-password.ts';
import { parseInvocation, REGISTRY_HELP, type RegistryInvocation } from './registry-options.ts';

try {
  await main(parseInvocation(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`caisson registry: ${messageOf(error)}\n`);
  process.exit(isEngineError(error, 'invalid') ? 2 : 1);
}

async function main(invocation: RegistryInvocation): Promise<void> {
  if (invocation.kind === 'help') say(REGISTRY_HELP);
  else if (invocation.kind === 'serve') await serve(invocation);
  else if (invocation.kind === 'gc')
    say(reportText(await collectRegistryGarbage(invocation.root, invocation.options)));
  else if (invocation.kind === 'user-rm') removeUser(invocation.file, invocation.name);
  else await addUser(invocation.file, invocation.name);
}

async function serve({
  options,
  debug,
  mirror,
}: RegistryInvocation & { readonly kind: 'serve' }): Promise<void> {
  const credentials = process.env['CAISSON_MIRROR_AUTH'];
  using upstream = mirror === undefined ? undefined : openUpstream(mirror, credentials);
  const logger = createLogger(debug ? 'debug' : 'info');
  const registry = await startRegistry({ ...options, logger, ...(upstream ? { upstream } : {}) });
  if (registry.certificate !== undefined)
    logger.info('clients must trust the certificate', { path: join(options.root, 'tls/cert.pem') });
  // A process that is killed leaves no compile cache otherwise.
  flushCompileCache();
  const signal = await untilTold();
  logger.info('the registry stops', { signal });
  await registry[Symbol.asyncDispose]();
  process.exit(0);
}

function untilTold(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  // With the terminal that it was started on a registry ends; a daemon has none.
  const isOnTerminal = [0, 1, 2].some((fd) => isatty(fd));
  process.on('SIGHUP', (signal) => isOnTerminal && resolve(signal));
  return promise;
}

async function addUser(file: string, name: string): Promise<void> {
  const password = await readPassword();
  if (password === undefined)
    throw new EngineError('aborted', `Cannot add user ${name}: no password was given`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o710 });
  await setUser(file, name, password);
}

function reportText({ manifests, blobs, bytes }: GarbageReport): string {
  return `${manifests} manifests, ${blobs} blobs, ${(bytes / 1e6).toFixed(1)} MB\n`;
}

function say(message: string): void {
  process.stdout.write(message);
}
