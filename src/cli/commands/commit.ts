import { defineCommand } from '../command.ts';
import { booleanFlag, listFlag, stringFlag } from '../flag.ts';
import { splitReference } from '../image-reference.ts';

export const command = defineCommand({
  summary: "Create a new image from a container's changes",
  usage: ['[OPTIONS] CONTAINER [REPOSITORY[:TAG]]'],
  operands: { min: 1, max: 2, kind: 'container' },
  examples: [
    "caisson commit -m 'with vim' shell debian-vim:1.0",
    `caisson commit --change 'CMD ["nginx", "-g", "daemon off;"]' web site`,
  ],
  flags: {
    author: stringFlag('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: listFlag('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: stringFlag('Commit message', { short: 'm' }),
    pause: booleanFlag('Pause container during commit', { short: 'p', initial: true }),
  },
  run: async (context, { flags, operands: [container = '', reference = ''] }) => {
    const { repository, tag } = splitReference(reference);
    const { Id } = await context.client.json<{ readonly Id: string }>({
      method: 'POST',
      path: '/commit',
      query: {
        container,
        repo: repository || undefined,
        tag: tag || undefined,
        author: flags.author || undefined,
        comment: flags.message || undefined,
        changes: flags.change,
        pause: flags.pause ? undefined : '0',
      },
      json: {},
    });
    context.print(Id);
    return 0;
  },
});
