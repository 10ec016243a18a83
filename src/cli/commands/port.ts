import { inspectContainer } from '#client/containers.ts';
import type { PortBinding } from '#wire/host-config.ts';
import { defineCommand } from '../command.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'List port mappings or a specific mapping for the container',
  usage: ['CONTAINER [PRIVATE_PORT[/PROTO]]'],
  operands: { min: 1, max: 2, kind: 'running-container' },
  examples: ['caisson port web', 'caisson port web 80/tcp'],
  flags: {},
  run: async (context, { operands: [name = '', port] }) => {
    const { NetworkSettings } = await inspectContainer(context.client, name);
    const ports = NetworkSettings.Ports ?? {};
    if (port === undefined) {
      const lines = Object.entries(ports).flatMap(([key, bindings]) =>
        (bindings ?? []).map((binding) => `${key} -> ${address(binding)}`),
      );
      for (const line of lines.toSorted(byPort)) context.print(line);
      return 0;
    }
    const wanted = port.includes('/') ? port : `${port}/tcp`;
    const bindings = ports[wanted];
    if (!bindings || bindings.length === 0)
      throw new ExitError(1, `Error: No public port '${port}' published for ${name}`);
    for (const binding of bindings) context.print(address(binding));
    return 0;
  },
});

function address({ HostIp, HostPort }: PortBinding): string {
  return HostIp.includes(':') ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}

function byPort(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10) || (one < other ? -1 : 1);
}
