import { bootstrapImage } from '../bootstrap/bootstrap-image.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, listFlag, stringFlag } from '../flag.ts';

export const command = defineCommand({
  summary: "Make a Debian or Ubuntu base image from this machine's package mirror, without a registry",
  usage: ['[OPTIONS] NAME:SUITE'],
  description: `Installs the smallest system of the suite with mmdebstrap and imports it as an image with CMD ["bash"].
The packages come from the mirror that this machine's own apt uses, where it serves the suite.`,
  operands: { min: 1, max: 1 },
  examples: [
    'caisson bootstrap debian:trixie',
    'caisson bootstrap debian:trixie --include ca-certificates,curl',
  ],
  flags: {
    include: listFlag('More packages to install (comma-separated)', { type: 'strings' }),
    mirror: stringFlag("URL of the package archive (default: this machine's)"),
    quiet: booleanFlag('Print the image ID only', { short: 'q' }),
    tag: stringFlag('Name of the image (default: the operand)', { short: 't' }),
    variant: stringFlag('Set of packages: minbase, apt, important, standard', { initial: 'minbase' }),
  },
  run: async (context, { flags, operands: [reference = ''] }) => bootstrapImage(context, reference, flags),
});
