import { proxyVariables } from './proxy-variables.ts';
import { detachKeysOf } from './docker-config.ts';
import { ApiError } from '#client/api-error.ts';
import {
  actOnContainer,
  attachContainer,
  resizeContainer,
  startContainer,
  watchContainer,
} from '#client/containers.ts';
import { untilEnded } from './attached-container.ts';
import type { ContainerFlags } from './container-options/container-flags.ts';
import { attachedStreams, createBody, type CreateLine } from './container-options/run-config.ts';
import type { Context } from './context.ts';
import { createWithPull } from './create-container.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '#base/detach-keys.ts';
import { followSize } from './terminal/follow-size.ts';
import { proxySignals } from './terminal/signals.ts';
import { joinStreams } from './terminal/streams.ts';
import { rawMode, stdinIsTerminal, terminalSize } from './terminal/terminal.ts';
import { ExitError } from './usage-error.ts';

type RunFlags = ContainerFlags & {
  readonly detach: boolean;
  readonly detachKeys: string;
  readonly sigProxy: boolean;
};

export interface RunLine extends CreateLine {
  readonly flags: RunFlags;
}

/** `run`: creates a container, joins it and starts it. @returns the exit code of the container */
export async function runContainer(context: Context, line: RunLine): Promise<number> {
  const { image } = line;
  const flags = { ...line.flags, detachKeys: detachKeysOf(context, line.flags.detachKeys) };
  if (flags.detach && flags.attach.length > 0) throw new ExitError(1, 'Conflicting options: -a and -d');
  if (flags.tty && attachedStreams(flags, flags.detach).stdin && !stdinIsTerminal()) {
    throw new ExitError(1, 'the input device is not a TTY');
  }
  const consoleSize = flags.tty ? terminalSize() : undefined;
  const body = createBody(line, {
    environment: context.environment,
    consoleSize,
    detach: flags.detach,
    proxyVariables: (given) => proxyVariables(context, given),
  });
  // One connection each for the stream and for the start; the first carries create and wait.
  if (!flags.detach) context.client.warm(3);
  const { Id } = await createWithPull(context, flags, image, body);
  if (!flags.detach) return runAttached(context, flags, Id);
  await start(context, Id, flags.detachKeys);
  context.print(Id);
  return 0;
}

async function runAttached(context: Context, flags: RunFlags, id: string): Promise<number> {
  const { client } = context;
  const streams = attachedStreams(flags, false);
  using _signals = flags.sigProxy
    ? proxySignals(context, (signal) => actOnContainer(client, id, 'kill', { signal }))
    : undefined;
  const wanted = streams.stdin || streams.stdout || streams.stderr;
  const [connection, { result }] = await Promise.all([
    wanted ? attachContainer(client, id, { ...streams, detachKeys: flags.detachKeys }) : undefined,
    watchContainer(client, id, flags.rm ? 'removed' : 'next-exit'),
  ]);
  if (!wanted) context.print(id);
  using _raw = flags.tty && streams.stdin ? rawMode() : undefined;
  const detachKeys = flags.tty ? parseDetachKeys(flags.detachKeys || DEFAULT_DETACH_KEYS) : undefined;
  const streaming =
    connection && joinStreams(context, connection, { ...streams, tty: flags.tty, detachKeys });
  // Its failure is met where it is waited for, which may be after it happened.
  streaming?.catch(() => undefined);
  try {
    await start(context, id, flags.detachKeys);
  } catch (error) {
    connection?.close();
    // With --rm the engine removes what could not start; a moment is given for it, so that the name is free again.
    if (flags.rm) await Promise.race([result.catch(() => undefined), delay(REMOVAL_MS)]);
    throw error;
  }
  using _resizing = flags.tty ? followContainerSize(context, id) : undefined;
  return (await untilEnded(context, { id, streaming, result })) ?? 0;
}

const REMOVAL_MS = 5000;

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function start(context: Context, id: string, detachKeys: string): Promise<void> {
  try {
    await startContainer(context.client, id, detachKeys === '' ? {} : { detachKeys });
  } catch (error) {
    const code = startFailureCode(error);
    if (code === undefined) throw error;
    const { tellError } = await import('./report-failure.ts');
    await tellError(context, error);
    throw new ExitError(code);
  }
}

/** 127 where the command does not exist, 126 where it cannot be run, as shells and Docker say it. */
function startFailureCode(error: unknown): number | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const missing = [
    'executable file not found',
    'no such file or directory',
    'system cannot find the file specified',
  ];
  if (missing.some((text) => error.message.includes(text))) return 127;
  const refused = ['permission denied', 'not a directory', 'is a directory'];
  return refused.some((text) => error.message.includes(text)) ? 126 : undefined;
}

export function followContainerSize({ client }: Context, id: string): Disposable {
  return followSize((size) => resizeContainer(client, id, size));
}
