import {
  actOnContainer,
  attachContainer,
  inspectContainer,
  resizeContainer,
  watchContainer,
} from '#client/containers.ts';
import type { ContainerInspect } from '#wire/container.ts';
import { detachKeysOf } from '../docker-config.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { untilEnded } from '../attached-container.ts';
import { followContainerSize } from '../run-container.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '#base/detach-keys.ts';
import { proxySignals } from '../terminal/signals.ts';
import { joinStreams } from '../terminal/streams.ts';
import { rawMode, stdinIsTerminal, terminalSize } from '../terminal/terminal.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Attach local standard input, output, and error streams to a running container',
  usage: ['[OPTIONS] CONTAINER'],
  operands: { min: 1, max: 1, kind: 'running-container' },
  examples: ['caisson attach shell', 'caisson attach --no-stdin --sig-proxy=false web'],
  flags: {
    detachKeys: stringFlag('Override the key sequence for detaching a container'),
    noStdin: booleanFlag('Do not attach STDIN'),
    sigProxy: booleanFlag('Proxy all received signals to the process', { initial: true }),
  },
  run: async (context, { flags, operands: [name = ''] }) => {
    const keys = detachKeysOf(context, flags.detachKeys);
    const container = await inspectContainer(context.client, name);
    checkAttachable(container);
    return attach(context, container, { ...flags, keys });
  },
});

function checkAttachable({ State }: ContainerInspect): void {
  if (!State.Running) throw new ExitError(1, 'You cannot attach to a stopped container, start it first');
  if (State.Paused) throw new ExitError(1, 'You cannot attach to a paused container, unpause it first');
  if (State.Restarting)
    throw new ExitError(1, 'You cannot attach to a restarting container, wait until it is running');
}

async function attach(
  context: Context,
  { Id, Config: { Tty, OpenStdin } }: ContainerInspect,
  flags: { readonly keys: string; readonly noStdin: boolean; readonly sigProxy: boolean },
): Promise<number> {
  const { client } = context;
  const stdin = !flags.noStdin && OpenStdin;
  if (Tty && stdin && !stdinIsTerminal()) throw new ExitError(1, 'the input device is not a TTY');
  using _signals =
    flags.sigProxy && !Tty
      ? proxySignals(context, (signal) => actOnContainer(client, Id, 'kill', { signal }))
      : undefined;
  const streams = { stdin, stdout: true, stderr: true };
  const [connection, { result }] = await Promise.all([
    attachContainer(client, Id, { ...streams, detachKeys: flags.keys }),
    watchContainer(client, Id),
  ]);
  using _raw = Tty && stdin ? rawMode() : undefined;
  if (Tty) await forceRedraw(context, Id);
  using _resizing = Tty ? followContainerSize(context, Id) : undefined;
  const detachKeys = Tty ? parseDetachKeys(flags.keys || DEFAULT_DETACH_KEYS) : undefined;
  const streaming = joinStreams(context, connection, { ...streams, tty: Tty, detachKeys });
  const exitCode = await untilEnded(context, { id: Id, streaming, result });
  if (exitCode === undefined) context.say('read escape sequence');
  return exitCode ?? 1;
}

/** A change of size makes full-screen programs draw themselves: one column more, then (by the caller) the truth. */
async function forceRedraw(context: Context, id: string): Promise<void> {
  const size = terminalSize();
  if (!size) return;
  await resizeContainer(context.client, id, { rows: size.rows + 1, columns: size.columns + 1 }).catch(
    () => undefined,
  );
}
