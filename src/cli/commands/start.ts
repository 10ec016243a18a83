import { detachKeysOf } from '../docker-config.ts';
import {
  actOnContainer,
  attachContainer,
  inspectContainer,
  startContainer,
  watchContainer,
} from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';
import { untilEnded } from '../attached-container.ts';
import { followContainerSize } from '../run-container.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '#base/detach-keys.ts';
import { proxySignals } from '../terminal/signals.ts';
import { joinStreams } from '../terminal/streams.ts';
import { rawMode, stdinIsTerminal } from '../terminal/terminal.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Start one or more stopped containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'stopped-container' },
  examples: ['caisson start web', 'caisson start -ai shell'],
  flags: {
    attach: booleanFlag('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
    checkpoint: stringFlag('Restore from this checkpoint'),
    checkpointDir: stringFlag('Use a custom checkpoint storage directory'),
    detachKeys: stringFlag('Override the key sequence for detaching a container'),
    interactive: booleanFlag("Attach container's STDIN", { short: 'i' }),
  },
  run: async (context, { flags, operands }) => {
    const [first = '', ...more] = operands;
    if (flags.attach || flags.interactive) {
      if (more.length > 0) throw new ExitError(1, 'you cannot start and attach multiple containers at once');
      return startAttached(context, first, flags.interactive, detachKeysOf(context, flags.detachKeys));
    }
    const query = {
      ...(flags.checkpoint === '' ? {} : { checkpoint: flags.checkpoint }),
      ...(flags.checkpointDir === '' ? {} : { 'checkpoint-dir': flags.checkpointDir }),
    };
    return forEachOperand(context, operands, (name) => startContainer(context.client, name, query), {
      failure: (names) => `Error: failed to start containers: ${names.join(', ')}`,
    });
  },
});

async function startAttached(
  context: Context,
  name: string,
  interactive: boolean,
  keys: string,
): Promise<number> {
  const { client } = context;
  const { Id, Config, HostConfig } = await inspectContainer(client, name);
  const stdin = interactive && Config.OpenStdin;
  if (Config.Tty && stdin && !stdinIsTerminal()) throw new ExitError(1, 'the input device is not a TTY');
  using _signals = Config.Tty
    ? undefined
    : proxySignals(context, (signal) => actOnContainer(client, Id, 'kill', { signal }));
  const [connection, { result }] = await Promise.all([
    attachContainer(client, Id, { stdin, stdout: true, stderr: true, detachKeys: keys }),
    watchContainer(client, Id, HostConfig.AutoRemove ? 'removed' : 'next-exit'),
  ]);
  using _raw = Config.Tty && stdin ? rawMode() : undefined;
  const detachKeys = Config.Tty ? parseDetachKeys(keys || DEFAULT_DETACH_KEYS) : undefined;
  const choice = { stdin, stdout: true, stderr: true, tty: Config.Tty, detachKeys };
  const streaming = joinStreams(context, connection, choice);
  // Its failure is met where it is waited for, which may be after it happened.
  streaming.catch(() => undefined);
  await startContainer(client, Id);
  using _resizing = Config.Tty ? followContainerSize(context, Id) : undefined;
  return (await untilEnded(context, { id: Id, streaming, result })) ?? 0;
}
