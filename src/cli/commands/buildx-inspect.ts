import { builderFlag, checkBuilder } from '../build/builder-flag.ts';
import { engineAsBuilder } from '../build/builder.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';

export const command = defineCommand({
  summary: 'Inspect the builder instance',
  usage: ['[OPTIONS] [NAME]'],
  operands: { min: 0, max: 1 },
  examples: ['caisson buildx inspect'],
  flags: { bootstrap: booleanFlag('The engine runs already'), builder: builderFlag },
  run: async (context, { flags, operands: [name = flags.builder] }) => {
    checkBuilder(context, name);
    const builder = await engineAsBuilder(context);
    const state =
      builder.error === ''
        ? [`BuildKit version: ${builder.version}`, `Platforms:        ${builder.platform}`]
        : [`Error:            ${builder.error}`];
    context.print(`Name:   ${builder.name}\nDriver: caisson\n\nNodes:`);
    context.print(
      [
        `Name:             ${builder.name}`,
        `Endpoint:         ${builder.endpoint}`,
        `Status:           ${builder.status}`,
        ...state,
      ].join('\n'),
    );
    return 0;
  },
});
