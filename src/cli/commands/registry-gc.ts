import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { registryArguments } from '../registry-arguments.ts';
import { REGISTRY_PROGRAM, runProgramBeside } from '../program-beside.ts';

export const command = defineCommand({
  summary: 'Delete blobs of a registry that no image needs',
  usage: ['[OPTIONS]'],
  description: 'Works while the registry serves, too: what is being pushed is kept.',
  operands: { min: 0, max: 0 },
  examples: ['caisson registry gc --root /srv/registry --delete-untagged --dry-run'],
  flags: {
    root: stringFlag('Directory of its data', { shownDefault: '/var/lib/caisson-registry' }),
    deleteUntagged: booleanFlag('Delete manifests without a tag, too'),
    grace: stringFlag('Seconds for which what was pushed is kept in any case', { shownDefault: '3600' }),
    dryRun: booleanFlag('Tell what would be deleted'),
  },
  run: (context, { flags }) =>
    runProgramBeside(context, REGISTRY_PROGRAM, ['gc', ...registryArguments(flags)]),
});
