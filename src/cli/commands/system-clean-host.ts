import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { ENGINE_PROGRAM, runProgramBeside } from '../program-beside.ts';

export const command = defineCommand({
  summary: 'Take off this host what an engine left that is gone for good',
  usage: ['[OPTIONS]'],
  description: `Bridges, firewall rules, network namespaces, mounts, control groups and the run directory. Images, containers and
volumes below its root stay: delete that directory to be rid of them. Needs root and no engine; refuses while one has
the run directory.`,
  operands: { min: 0, max: 0 },
  examples: ['caisson system clean-host', 'caisson system clean-host --run /run/other --kill'],
  flags: {
    kill: booleanFlag('Kill the containers that still run'),
    run: stringFlag('The run directory of the engine', { initial: '/run/caisson' }),
  },
  run: (context, { flags }) =>
    runProgramBeside(context, ENGINE_PROGRAM, [
      'clean-host',
      '--run',
      flags.run,
      ...(flags.kill ? ['--kill'] : []),
    ]),
});
