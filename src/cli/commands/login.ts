import { readFileSync } from 'node:fs';
import type { RegistryAuth } from '#wire/registry-auth.ts';
import { askLine } from '../ask.ts';
import { defineCommand } from '../command.ts';
import { storeCredentials } from '../credential-file.ts';
import { dockerConfigPath } from '../docker-config.ts';
import { hostOf } from '../credential-helper.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { DOCKER_HUB } from '../image-reference.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Log in to a registry',
  usage: ['[OPTIONS] [SERVER]'],
  operands: { min: 0, max: 1 },
  examples: ['caisson login', 'caisson login -u me --password-stdin registry.example.com < password'],
  flags: {
    password: stringFlag('Password', { short: 'p' }),
    passwordStdin: booleanFlag('Take the password from stdin'),
    username: stringFlag('Username', { short: 'u' }),
  },
  run: async (context, { flags, operands: [server = DOCKER_HUB] }) => {
    if (flags.passwordStdin && flags.username === '')
      throw new ExitError(1, 'Must provide --username with --password-stdin');
    if (flags.passwordStdin && flags.password !== '')
      throw new ExitError(1, '--password and --password-stdin are mutually exclusive');
    if (flags.password !== '')
      context.say('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    const registry = server === DOCKER_HUB ? server : hostOf(server);
    const username = flags.username || (await askLine(context, 'Username: '));
    const password = flags.passwordStdin
      ? readFileSync(0, 'utf8').replace(/\r?\n$/, '')
      : flags.password || (await askLine(context, 'Password: ', { hidden: true }));
    if (username === '') throw new ExitError(1, 'Error: Non-null Username Required');
    if (password === '') throw new ExitError(1, 'Error: Password Required');
    const auth: RegistryAuth = { username, password, serveraddress: registry };
    const answer = await context.client.json<{ readonly Status?: string; readonly IdentityToken?: string }>({
      method: 'POST',
      path: '/auth',
      json: auth,
    });
    const kept = answer.IdentityToken ? { username, identitytoken: answer.IdentityToken } : auth;
    if (storeCredentials(context, { ...kept, serveraddress: registry }))
      context.say(
        `WARNING! Your credentials are stored unencrypted in '${dockerConfigPath(context)}'.\n` +
          'Configure a credential helper ("credsStore" in that file) to remove this warning.',
      );
    context.print(answer.Status || 'Login Succeeded');
    return 0;
  },
});
