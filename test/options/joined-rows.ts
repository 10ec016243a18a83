/** Containers that join the namespaces of others: `NAME (more)` is a further row of an option. */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { requestJson } from '../support/http.ts';
import {
  type OptionContainer,
  type OptionRow,
  type OptionRows,
  proved,
  refused,
  shown,
} from './option-row.ts';

/** The first process of another group's container. */
async function pidOf({ socket }: OptionContainer, name: string): Promise<number> {
  const { State } = await requestJson<{ State: { Pid: number } }>(socket, 'GET', `/containers/${name}/json`);
  return State.Pid;
}

function joins(field: string, name: string, namespace: string): OptionRow {
  return proved('joined', { HostConfig: { [field]: `container:${name}` } }, async (container) => {
    const other = await pidOf(container, name);
    assert.equal(
      readlinkSync(`/proc/${container.pid}/ns/${namespace}`),
      readlinkSync(`/proc/${other}/ns/${namespace}`),
    );
  });
}

export const JOINED_ROWS: OptionRows = {
  'HostConfig.NetworkMode (container)': joins('NetworkMode', 'options-main', 'net'),
  'HostConfig.NetworkMode (hostname)': shown(
    'joined',
    {},
    'hostname; echo $HOSTNAME; cat /etc/hostname; grep -c opthost /etc/hosts; grep -c 127.0.0.11 /etc/resolv.conf',
    /^opthost\nopthost\nopthost\n1\n1$/,
  ),
  'HostConfig.NetworkMode (of one that has joined)': proved(
    'twice',
    { HostConfig: { NetworkMode: 'container:options-joined' } },
    async (container) => {
      const owner = await pidOf(container, 'options-main');
      assert.equal(readlinkSync(`/proc/${container.pid}/ns/net`), readlinkSync(`/proc/${owner}/ns/net`));
    },
  ),
  'HostConfig.NetworkMode (hostname of one that has joined)': shown(
    'twice',
    {},
    'hostname; cat /etc/hostname',
    /^opthost\nopthost$/,
  ),
  'Env (HOME that is empty)': shown(
    'terminal',
    { Env: ['HOME='] },
    "tr '\\0' '\\n' </proc/1/environ | grep HOME",
    /^HOME=\/root$/,
  ),
  'HostConfig.PidMode (container)': joins('PidMode', 'options-main', 'pid'),
  'HostConfig.IpcMode (container)': joins('IpcMode', 'options-volumes', 'ipc'),
  'HostConfig.IpcMode (shareable)': shown(
    'volumes',
    { HostConfig: { IpcMode: 'shareable' } },
    'grep -c " /dev/shm " /proc/mounts',
    /^1$/,
  ),
  'HostConfig.PidMode (missing)': refused(
    { HostConfig: { PidMode: 'container:nope' } },
    /^No such container: nope$/,
  ),
  'HostConfig.IpcMode (missing)': refused(
    { HostConfig: { IpcMode: 'container:nope' } },
    /^No such container: nope$/,
  ),
};
