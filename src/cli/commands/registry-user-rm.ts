import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { registryArguments } from '../registry-arguments.ts';
import { REGISTRY_PROGRAM, runProgramBeside } from '../program-beside.ts';

export const command = defineCommand({
  summary: 'Remove a user of a registry',
  usage: ['[OPTIONS] NAME'],
  operands: { min: 1, max: 1 },
  examples: ['caisson registry user rm --htpasswd /srv/registry/htpasswd me'],
  flags: { htpasswd: stringFlag('File of users', { shownDefault: '/var/lib/caisson-registry/htpasswd' }) },
  run: (context, { flags, operands: [name = ''] }) =>
    runProgramBeside(context, REGISTRY_PROGRAM, ['user', 'rm', ...registryArguments(flags), '--', name]),
});
