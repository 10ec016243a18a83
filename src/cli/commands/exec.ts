import { detachKeysOf } from '../docker-config.ts';
import type { ExecRequest } from '#wire/decode-exec.ts';
import { createExec, inspectExec, resizeExec, startExecAttached, startExecDetached } from '#client/exec.ts';
import { defineCommand, MANY } from '../command.ts';
import { checkEnvironment, readEnvironment } from '../container-options/key-values.ts';
import type { Context } from '../context.ts';
import { booleanFlag, listFlag, stringFlag } from '../flag.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '#base/detach-keys.ts';
import { followSize } from '../terminal/follow-size.ts';
import { joinStreams } from '../terminal/streams.ts';
import { rawMode, stdinIsTerminal, terminalSize } from '../terminal/terminal.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Execute a command in a running container',
  usage: ['[OPTIONS] CONTAINER COMMAND [ARG...]'],
  operands: { min: 2, max: MANY, kind: 'running-container' },
  interspersed: false,
  examples: ['caisson exec -it web sh', 'caisson exec -u postgres db psql -c "select 1"'],
  flags: {
    detach: booleanFlag('Detached mode: run command in the background', { short: 'd' }),
    detachKeys: stringFlag('Override the key sequence for detaching a container'),
    env: listFlag('Set environment variables', { short: 'e', check: checkEnvironment }),
    envFile: listFlag('Read in a file of environment variables'),
    interactive: booleanFlag('Keep STDIN open even if not attached', { short: 'i' }),
    privileged: booleanFlag('Give extended privileges to the command'),
    tty: booleanFlag('Allocate a pseudo-TTY', { short: 't' }),
    user: stringFlag('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
    workdir: stringFlag('Working directory inside the container', { short: 'w' }),
  },
  run: async (context, { flags, operands: [container = '', ...words] }) => {
    const attach = !flags.detach;
    const env = readEnvironment(flags.envFile, flags.env, context.environment);
    const size = flags.tty && attach ? terminalSize() : undefined;
    if (attach && flags.interactive && flags.tty && !stdinIsTerminal()) {
      throw new ExitError(1, 'the input device is not a TTY');
    }
    const request: ExecRequest = {
      User: flags.user,
      Privileged: flags.privileged,
      Tty: flags.tty,
      ConsoleSize: size ? [size.rows, size.columns] : null,
      AttachStdin: attach && flags.interactive,
      AttachStderr: attach,
      AttachStdout: attach,
      Detach: flags.detach,
      DetachKeys: detachKeysOf(context, flags.detachKeys),
      Env: env.length > 0 ? env : null,
      WorkingDir: flags.workdir,
      Cmd: words,
    };
    if (attach) context.client.warm(2);
    const { Id } = await createExec(context.client, container, request);
    if (attach) return runExec(context, Id, request);
    await startExecDetached(context.client, Id, { Detach: true, Tty: flags.tty });
    return 0;
  },
});

async function runExec(context: Context, id: string, request: ExecRequest): Promise<number> {
  const { client } = context;
  const { Tty, AttachStdin: stdin, ConsoleSize } = request;
  const connection = await startExecAttached(client, id, { Detach: false, Tty, ConsoleSize });
  using _raw = Tty && stdin ? rawMode() : undefined;
  using _resizing = Tty ? followSize((size) => resizeExec(client, id, size)) : undefined;
  const detachKeys = Tty ? parseDetachKeys(request.DetachKeys || DEFAULT_DETACH_KEYS) : undefined;
  const choice = { stdin, stdout: true, stderr: true, tty: Tty, detachKeys };
  if ((await joinStreams(context, connection, choice)) === 'detached') return 0;
  const { ExitCode } = await inspectExec(client, id);
  return ExitCode ?? 0;
}
