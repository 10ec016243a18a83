import { changeDockerConfig } from '../change-docker-config.ts';
import { defineCommand, MANY } from '../command.ts';
import type { Context } from '../context.ts';
import { contextName, DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import { readContext, removeContext } from '../contexts/context-store.ts';
import { readDockerConfig } from '../docker-config.ts';
import { booleanFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Remove one or more contexts',
  usage: ['CONTEXT [CONTEXT...]'],
  operands: { min: 1, max: MANY, kind: 'context' },
  examples: ['caisson context rm far'],
  flags: { force: booleanFlag('Force the removal of a context in use', { short: 'f' }) },
  run: (context, { flags, operands }) =>
    forEachOperand(context, operands, async (name) => Promise.resolve(remove(context, name, flags.force))),
});

function remove(context: Context, name: string, force: boolean): void {
  if (name === DEFAULT_CONTEXT) throw new Error('context "default" cannot be removed');
  if (!force) {
    readContext(context, name);
    if (name === contextName(context)) {
      throw new Error(`context "${name}" is in use, set -f flag to force remove`);
    }
  }
  if (readDockerConfig(context).currentContext === name) {
    changeDockerConfig(context, (config) => ({ ...config, currentContext: undefined }));
  }
  removeContext(context, name);
}
