import { defineCommand } from '../command.ts';
import { booleanFlag, listFlag, stringFlag } from '../flag.ts';
import { registryArguments } from '../registry-arguments.ts';
import { REGISTRY_PROGRAM, runProgramBeside } from '../program-beside.ts';

export const command = defineCommand({
  summary: 'Serve a registry of your own',
  usage: ['[OPTIONS]'],
  description:
    'Docker, Podman, Skopeo and Caisson push to it and pull from it. Without TLS, clients take it as it is on\n' +
    'loopback only. It serves until it is stopped (Ctrl-C).',
  operands: { min: 0, max: 0 },
  flags: {
    root: stringFlag('Directory of its data', { shownDefault: '/var/lib/caisson-registry' }),
    listen: stringFlag('[HOST]:PORT to listen on', { shownDefault: '127.0.0.1:5000' }),
    htpasswd: stringFlag('File of users, with passwords hashed by bcrypt (see "registry user add")'),
    tlsCert: stringFlag('Certificate chain in PEM'),
    tlsKey: stringFlag('Key of the certificate in PEM'),
    tlsSelfSigned: booleanFlag('Make a certificate at the first start, and say where it is'),
    tlsName: listFlag("Host name or address that it is for, beside the machine's own"),
    readOnly: booleanFlag('Refuse pushes and deletions'),
    mirror: stringFlag('URL of a registry to fetch from what is missing here'),
    maxBlobSize: stringFlag('Bytes that one blob may have', { shownDefault: '64 GiB' }),
    debug: booleanFlag('Log every request'),
  },
  examples: [
    'caisson registry serve --root /srv/registry',
    'caisson registry serve --listen :5000 --tls-self-signed --htpasswd /srv/registry/htpasswd',
    'caisson registry serve --mirror https://registry-1.docker.io',
  ],
  run: (context, { flags }) =>
    runProgramBeside(context, REGISTRY_PROGRAM, ['serve', ...registryArguments(flags)]),
});
