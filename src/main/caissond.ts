/** The daemon: an engine, its API, and the ways to start and stop them. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError, messageOf } from '#base/errors.ts';
import { createLogger, type Logger } from '#base/log.ts';
import { createApiServer } from '#api/server.ts';
import { Engine } from '#engine/index.ts';
import { ENGINE_VERSION } from '#engine/version.ts';
import { isErrno } from '#linux/errno.ts';
import { exitNow } from '#linux/exit-now.ts';
import { returnFreedMemory } from '#linux/memory.ts';
import { readOpenFilesLimit } from '#linux/open-files-limit.ts';
import { hasHungThreads } from '#linux/threaded-file-service.ts';
import { runCleanHost } from './clean-host.ts';
import { daemonOptions, type DaemonOptions } from './daemon-options.ts';
import { containerOpenFiles, fewContainers } from './open-files.ts';
import { helpText, mergeSettings, parseConfig, parseFlags, type SettingValues } from './daemon-settings.ts';

const STANDARD_CONFIG = '/etc/caisson/config.json';

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`caissond: ${messageOf(error)}\n`);
  process.exit(isEngineError(error, 'invalid') ? 2 : 1);
}

async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'clean-host') return runCleanHost(argv.slice(1));
  const flags = parseFlags(argv);
  if (flags.get('help') === true) return void process.stdout.write(helpText());
  if (flags.get('version') === true) return void process.stdout.write(`caissond ${ENGINE_VERSION}\n`);
  const options = daemonOptions(mergeSettings(flags, readConfig(flags)));
  if (flags.get('validate') === true) {
    process.stderr.write(options.warnings.map((warning) => `${warning}\n`).join(''));
    return void process.stdout.write('configuration OK\n');
  }
  await serve(options);
}

function readConfig(flags: SettingValues): SettingValues {
  const named = flags.get('config');
  const path = typeof named === 'string' ? named : STANDARD_CONFIG;
  try {
    return parseConfig(path, readFileSync(path, 'utf8'));
  } catch (error) {
    if (named === undefined && isErrno(error, 'ENOENT')) return new Map();
    throw error;
  }
}

async function serve(options: DaemonOptions): Promise<void> {
  const logger = createLogger(options.logLevel, undefined, options.logFormat);
  for (const warning of options.warnings) logger.warn(warning);
  const openFiles = readOpenFilesLimit();
  const containers = fewContainers(openFiles);
  if (containers !== undefined) {
    logger.warn('the hard limit of open files is small', { limit: openFiles.soft, containers });
  }
  const containerLimit = containerOpenFiles(process.env, openFiles);
  const engine = await Engine.start({ ...options.engine, openFiles: containerLimit, logger });
  // Not earlier: it is the file of an engine that runs, and this one may have been refused.
  if (options.pidfile !== undefined) writePidfile(options.pidfile);
  // A client that finds it listening may tell it to stop.
  const told = untilTold(logger);
  const server = createApiServer(engine, {
    logger,
    networkOptions: options.networkOptions,
    onQuiet: () => void tidyMemory(),
  });
  // Addresses only: what is listened on may come with a private key.
  const addresses = await Promise.all(options.hosts.map((host) => server.listen(host)));
  logger.info('the engine is ready', { hosts: addresses.join(' ') });
  const signal = await told;
  logger.info('the engine stops; containers keep running', { signal });
  await server.close();
  await engine[Symbol.asyncDispose]();
  if (options.pidfile !== undefined) rmSync(options.pidfile, { force: true });
  if (hasHungThreads()) exitNow(0);
  process.exit(0);
}

/** What a burst of work has needed: the daemon is there for years. */
async function tidyMemory(): Promise<void> {
  // What a first pass finds unused is finalized after it, and freed on another thread after a second one.
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.();
    await sleep(100);
  }
  returnFreedMemory();
}

function writePidfile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${process.pid}\n`);
}

/** Resolves on the first signal to stop; whatever goes wrong unnoticed until then is at least logged. */
function untilTold(logger: Logger): Promise<string> {
  process.on('unhandledRejection', (reason) => {
    logger.error('a failure that was not handled', {
      error: reason instanceof Error ? reason.stack : String(reason),
    });
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  process.on('SIGHUP', () => undefined);
  return promise;
}
