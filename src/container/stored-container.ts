/** What a row of the containers' table means, and what is left of one that is damaged. */
import { messageOf } from '#base/errors.ts';
import { hasShape, shapeFault } from '#base/shape-fault.ts';
import { isDigest, parseDigest } from '#oci/digest.ts';
import type { Row } from '#store/damaged-rows.ts';
import type { ContainerDefinition, ContainerProgress } from './container-record.ts';
import { newContainerSpec } from './new-container-spec.ts';
import type { MountPlan, PlannedVolume } from './mounts/mount-plan.ts';
import { type ContainerState, initialState } from './run/state.ts';

export interface StoredContainer {
  readonly definition: ContainerDefinition;
  readonly progress: ContainerProgress;
  /** What cannot be read of it; the definition is what is left, then. */
  readonly damage?: string;
}

const ID = /^[0-9a-f]{64}$/;

/** @throws if not even the id can be read */
export function decodeContainer(row: Row): StoredContainer {
  const id = String(row['id']);
  if (!ID.test(id)) throw new Error('its id is damaged');
  const definition = decode<ContainerDefinition>(row['definition'], (value) => shapeFault(value, DEFINITION));
  const progress = decode<ContainerProgress>(row['progress'], progressFault);
  if ('value' in definition && 'value' in progress && definition.value.id === id)
    return { definition: definition.value, progress: progress.value };
  return {
    definition: 'value' in definition ? { ...definition.value, id } : salvage(row),
    progress: { state: initialState },
    damage: 'fault' in definition ? definition.fault : 'fault' in progress ? progress.fault : 'id',
  };
}

type Decoded<T> = { readonly value: T } | { readonly fault: string };

/** @param faultOf vouches for the type where it finds none: only the engine writes records */
function decode<T>(json: unknown, faultOf: (value: unknown) => string | undefined): Decoded<T> {
  try {
    const value = JSON.parse(String(json));
    const fault = faultOf(value);
    return fault === undefined ? { value } : { fault: `${fault || 'all of it'} is not what it was` };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

const WHOLE_SPEC = newContainerSpec('');

const DEFINITION = {
  id: '',
  name: '',
  createdAt: '',
  imageId: '',
  spec: {
    ...WHOLE_SPEC,
    process: { ...WHOLE_SPEC.process, environment: [''], groups: [''], ulimits: [{ name: '' }] },
    mounts: { mounts: [{ type: '', target: '' }], from: [{ container: '' }], anonymous: [''] },
    namespaces: { sysctls: {} },
    network: {
      ...WHOLE_SPEC.network,
      mode: { kind: '' },
      exposedPorts: [{ port: 0, protocol: '' }],
      ports: [{ port: 0, protocol: '' }],
    },
  },
  mounts: { mounts: [{ type: '', destination: '' }] },
} as const;

const STOPPED = { status: '', exitCode: 0 } as const;
const RUN = {
  process: { pid: 0, startTime: '' },
  monitor: { pid: 0, startTime: '' },
  startedAt: '',
  previouslyFinishedAt: '',
  bootId: '',
} as const;

const STATES: Readonly<Record<ContainerState['status'], object>> = {
  created: STOPPED,
  exited: { ...STOPPED, startedAt: '', finishedAt: '' },
  running: { run: RUN },
  paused: { run: RUN },
  restarting: { before: STOPPED },
  removing: { before: STOPPED },
  dead: { before: STOPPED },
};

const isStatus = (status: string): status is ContainerState['status'] => Object.hasOwn(STATES, status);

function progressFault(value: unknown): string | undefined {
  if (!hasShape(value, { state: { status: String() } })) return 'state.status';
  const { status } = value.state;
  return isStatus(status) ? shapeFault(value, { state: STATES[status] }) : `state.status ${status}`;
}

/** What the text of a damaged definition still says: a volume that it names must not count as unused. */
function salvage(row: Row): ContainerDefinition {
  const text = String(row['definition']);
  const find = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
  const imageId = find(/"imageId":"([^"]+)"/);
  const createdAt = find(/"createdAt":"([^"]+)"/);
  const driver = find(/"log":\{"driver":"([^"]+)"/) || 'local';
  return {
    id: String(row['id']),
    name: String(row['name']),
    createdAt: Number.isNaN(Date.parse(createdAt)) ? new Date(0).toISOString() : createdAt,
    imageId: isDigest(imageId) ? imageId : parseDigest(`sha256:${'0'.repeat(64)}`),
    spec: newContainerSpec(find(/"image":"([^"]+)"/), { log: { driver } }),
    mounts: { mounts: salvageVolumes(text) },
  };
}

function salvageVolumes(text: string): MountPlan['mounts'] {
  const mounts = [...text.matchAll(/"type":"volume"[^{}]*/g)].flatMap(([mount]) => {
    const name = /"name":"([^"]+)"/.exec(mount)?.[1];
    const destination = /"(?:destination|target)":"([^"]+)"/.exec(mount)?.[1] ?? '/';
    return name === undefined ? [] : [plannedVolume(name, destination)];
  });
  // The spec and the plan that was made of it name the same.
  return [...new Map(mounts.map((mount) => [mount.name, mount])).values()];
}

function plannedVolume(name: string, destination: string): PlannedVolume {
  return {
    type: 'volume',
    destination,
    name,
    driver: 'local',
    request: { name },
    anonymous: false,
    readonly: false,
    mode: '',
    copyUp: false,
  };
}
