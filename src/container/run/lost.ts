import { transferError } from '#base/error-transfer.ts';
import type { EngineError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerDefinition } from '../container-record.ts';
import type { Run } from './run.ts';
import { type ContainerState, initialState, type RunningState, type RunRecord, transition } from './state.ts';

export interface LossRoles {
  readonly snapshots: Pick<SnapshotStore, 'get' | 'damage'>;
  readonly logger: Logger;
}

/**
 * The state of a container that does not run: it is dead where its root is lost, and what is left of it stays until it
 * is removed. Containers with `--rm` keep nothing, and are not dead but removed.
 */
export function unlessLost(
  { snapshots, logger }: LossRoles,
  { id, spec }: ContainerDefinition,
  state: Exclude<ContainerState, RunningState<RunRecord>>,
): ContainerState<Run> {
  const isGoing = state.status === 'removing' || state.status === 'dead';
  if (snapshots.get(id) || isGoing || spec.removedOnExit) return state;
  const damage = snapshots.damage(id) ?? 'it is missing';
  return deadState(logger, state, containerError('container-lost', { subject: id, details: { damage } }));
}

export function damagedState(logger: Logger, id: string, damage: string): ContainerState<Run> {
  const problem = containerError('container-record-damaged', { subject: id, details: { damage } });
  return deadState(logger, initialState, problem);
}

function deadState(logger: Logger, state: ContainerState<Run>, problem: EngineError): ContainerState<Run> {
  logger.error('a container is dead', { id: problem.subject, reason: problem.message });
  return transition(state, { type: 'lost', problem: transferError(problem) });
}
