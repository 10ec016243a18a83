import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseHost, DEFAULT_HOST } from '#client/host.ts';
import { openTransport } from '#client/transport.ts';
import type { Context } from './context.ts';
import { ENGINE_PROGRAM, findProgram } from './program-beside.ts';

const LOG_FILE = '/var/log/caissond.log';

/** How long an engine may take until its socket answers; it recovers its containers first. */
const START_TIMEOUT_MS = 30_000;

/** Nothing tells when a socket begins to listen: it is tried this often. */
const RETRY_MS = 10;

/**
 * Starts the engine in the background where nothing listens on the default socket and the user is root. @returns
 * true if the socket answers now
 */
export async function startEngineOnDemand(context: Context): Promise<boolean> {
  if (process.getuid?.() !== 0 || context.environment['CAISSON_NO_AUTOSTART']) return false;
  const program = findProgram(context, ENGINE_PROGRAM);
  if (program === undefined) return false;
  mkdirSync(dirname(LOG_FILE), { recursive: true });
  const log = openSync(LOG_FILE, 'a', 0o640);
  // `detached` is setsid(2): the engine outlives this terminal.
  const child = spawn(program, [], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  child.unref();
  let ended = false;
  child.on('error', () => (ended = true));
  child.on('exit', () => (ended = true));
  context.say(context.style.dim(`caisson: no engine is running: starting caissond (log: ${LOG_FILE})`));
  if (await answers(() => ended)) return true;
  context.say(`caisson: caissond did not start. The end of ${LOG_FILE}:\n${tail(LOG_FILE)}`);
  return false;
}

/** Waits until the socket answers. Another client's engine may have won the race: an end alone is no failure yet. */
async function answers(ended: () => boolean): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let attemptsAfterEnd = 50;
  while (Date.now() < deadline && attemptsAfterEnd > 0) {
    if (await canConnect()) return true;
    if (ended()) attemptsAfterEnd--;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return false;
}

async function canConnect(): Promise<boolean> {
  try {
    const connection = await openTransport(parseHost(DEFAULT_HOST), { data() {}, closed() {} });
    connection.destroy();
    return true;
  } catch {
    return false;
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
}
