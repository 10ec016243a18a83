import { createVolume } from '#client/volumes.ts';
import { defineCommand } from '../command.ts';
import { checkLabel, toMap } from '../container-options/key-values.ts';
import { listFlag, mapFlag, stringFlag } from '../flag.ts';

export const command = defineCommand({
  summary: 'Create a volume',
  usage: ['[OPTIONS] [VOLUME]'],
  operands: { min: 0, max: 1 },
  examples: ['caisson volume create data', 'caisson volume create --label backup=daily data'],
  flags: {
    driver: stringFlag('Specify volume driver name', { short: 'd', initial: 'local' }),
    label: listFlag('Set metadata for a volume', { check: checkLabel }),
    name: stringFlag('Specify volume name', { hidden: true }),
    opt: mapFlag('Set driver specific options', { short: 'o' }),
  },
  run: async (context, { flags, operands: [name = flags.name] }) => {
    const body = { Name: name, Driver: flags.driver, DriverOpts: flags.opt, Labels: toMap(flags.label) };
    context.print((await createVolume(context.client, body)).Name);
    return 0;
  },
});
