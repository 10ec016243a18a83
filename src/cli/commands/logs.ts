import { formatUnixTimestamp, resolveTimestamp } from '#base/timestamps.ts';
import { path } from '#client/client.ts';
import { inspectContainer } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { copyFrames, copyRaw } from '../terminal/streams.ts';

export const command = defineCommand({
  summary: 'Fetch the logs of a container',
  usage: ['[OPTIONS] CONTAINER'],
  operands: { min: 1, max: 1, kind: 'container' },
  examples: ['caisson logs -f --tail 20 web', 'caisson logs --since 10m web'],
  flags: {
    details: booleanFlag('Show extra details provided to logs'),
    follow: booleanFlag('Follow log output', { short: 'f' }),
    since: stringFlag(
      'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
    tail: stringFlag('Number of lines to show from the end of the logs', { short: 'n', initial: 'all' }),
    timestamps: booleanFlag('Show timestamps', { short: 't' }),
    until: stringFlag(
      'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
  },
  run: async (context, { flags, operands: [name = ''] }) => {
    const { Id, Config } = await inspectContainer(context.client, name);
    const { details, follow, tail, timestamps } = flags;
    const response = await context.client.request({
      method: 'GET',
      path: path`/containers/${Id}/logs`,
      query: {
        stdout: true,
        stderr: true,
        details,
        follow,
        tail,
        timestamps,
        since: when(flags.since),
        until: when(flags.until),
      },
    });
    if (Config.Tty) await copyRaw(response.body, context.stdout);
    else await copyFrames(response.body, context.stdout, context.stderr);
    return 0;
  },
});

function when(text: string): string | undefined {
  return text === '' ? undefined : formatUnixTimestamp(resolveTimestamp(text));
}
