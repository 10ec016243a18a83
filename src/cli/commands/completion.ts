import { defineCommand } from '../command.ts';
import { completionScript } from '../completion/scripts.ts';
import { ExitError } from '../usage-error.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const command = defineCommand({
  summary: 'Generate the autocompletion script for the specified shell',
  usage: ['bash|zsh|fish'],
  description: `Bash:  source <(caisson completion bash)
Zsh:   source <(caisson completion zsh)
Fish:  caisson completion fish | source`,
  operands: { min: 1, max: 1 },
  examples: [
    'caisson completion bash > /etc/bash_completion.d/caisson',
    'caisson completion fish > ~/.config/fish/completions/caisson.fish',
  ],
  flags: {},
  run: async (context, { operands: [name] }) => {
    const shell = SHELLS.find((known) => known === name);
    if (!shell)
      throw new ExitError(
        1,
        `caisson: no completion for ${JSON.stringify(name)}: there is bash, zsh and fish`,
      );
    context.stdout.write(await completionScript(shell));
    return 0;
  },
});
