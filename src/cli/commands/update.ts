import { updateContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { cpusFlag, memoryFlag } from '../container-options/value-flags.ts';
import { integerFlag, stringFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Update configuration of one or more containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'container' },
  examples: ['caisson update --memory 512m --memory-swap 1g web', 'caisson update --restart always web'],
  flags: {
    blkioWeight: integerFlag('Block IO (relative weight), between 10 and 1000, or 0 to disable', {
      initial: 0,
    }),
    cpuPeriod: integerFlag('Limit CPU CFS (Completely Fair Scheduler) period'),
    cpuQuota: integerFlag('Limit CPU CFS (Completely Fair Scheduler) quota'),
    cpuRtPeriod: integerFlag('Limit the CPU real-time period in microseconds'),
    cpuRtRuntime: integerFlag('Limit the CPU real-time runtime in microseconds'),
    cpuShares: integerFlag('CPU shares (relative weight)', { short: 'c' }),
    cpus: cpusFlag('Number of CPUs'),
    cpusetCpus: stringFlag('CPUs in which to allow execution (0-3, 0,1)'),
    cpusetMems: stringFlag('MEMs in which to allow execution (0-3, 0,1)'),
    memory: memoryFlag('Memory limit', { short: 'm' }),
    memoryReservation: memoryFlag('Memory soft limit'),
    memorySwap: memoryFlag('Swap limit equal to memory plus swap: -1 to enable unlimited swap', {
      unlimited: true,
    }),
    pidsLimit: integerFlag('Tune container pids limit (set -1 for unlimited)'),
    restart: stringFlag('Restart policy to apply when a container exits'),
  },
  run: (context, { flags, given, operands }) => {
    if (given.size === 0)
      throw new ExitError(1, 'you must provide one or more flags when using this command');
    const [name = '', retries] = flags.restart.split(':');
    const body = {
      BlkioWeight: flags.blkioWeight ?? 0,
      CpuPeriod: flags.cpuPeriod ?? 0,
      CpuQuota: flags.cpuQuota ?? 0,
      CpuRealtimePeriod: flags.cpuRtPeriod ?? 0,
      CpuRealtimeRuntime: flags.cpuRtRuntime ?? 0,
      CpuShares: flags.cpuShares ?? 0,
      NanoCpus: flags.cpus ?? 0,
      CpusetCpus: flags.cpusetCpus,
      CpusetMems: flags.cpusetMems,
      Memory: flags.memory ?? 0,
      MemoryReservation: flags.memoryReservation ?? 0,
      MemorySwap: flags.memorySwap ?? 0,
      PidsLimit: flags.pidsLimit ?? null,
      RestartPolicy: { Name: name, MaximumRetryCount: Number(retries ?? 0) },
    };
    return forEachOperand(context, operands, async (container) => {
      const { Warnings } = await updateContainer(context.client, container, body);
      for (const warning of Warnings ?? []) context.say(warning);
    });
  },
});
