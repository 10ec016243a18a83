import { changeDockerConfig } from '../change-docker-config.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import { readContext } from '../contexts/context-store.ts';
import { warnOfOverride } from '../contexts/default-context.ts';

export const command = defineCommand({
  summary: 'Set the current context',
  usage: ['CONTEXT'],
  description: `Docker's command line follows the same choice: both read the contexts under ~/.docker.`,
  operands: { min: 1, max: 1, kind: 'context' },
  examples: ['caisson context use far', 'caisson context use default'],
  flags: {},
  run: (context, { operands: [name = ''] }) => {
    if (name !== DEFAULT_CONTEXT) readContext(context, name);
    const currentContext = name === DEFAULT_CONTEXT ? undefined : name;
    changeDockerConfig(context, (config) => ({ ...config, currentContext }));
    context.print(name);
    context.say(`Current context is now "${name}"`);
    warnOfOverride(context);
    return Promise.resolve(0);
  },
});
