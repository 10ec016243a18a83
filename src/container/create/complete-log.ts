import type { LogDriver } from '#log/log.ts';
import { containerError } from '../container-errors.ts';
import type { LogSpec } from '../container-spec.ts';
import type { ContainerDefaults } from '../dependencies.ts';

interface LogHost {
  readonly defaults: Pick<ContainerDefaults, 'logDriver' | 'logOptions' | 'isLogDriverChosen'>;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogDriver>;
}

const DOCKER_LOG_DRIVER = 'json-file';
/** They put facts about the container into each record, which the engine's own format has no place for. */
const ATTRIBUTE_OPTIONS: ReadonlySet<string> = new Set(['labels', 'labels-regex', 'env', 'env-regex', 'tag']);

/**
 * The driver that is asked for, or the engine's with its options. Where the operator has chosen none, the options are
 * meant for Docker's default driver, and it is that one if only it knows them.
 *
 * @throws {EngineError} `log-driver-unknown`, and what the driver says of its options
 */
export function completeLog(asked: LogSpec, { defaults, logs }: LogHost): LogSpec {
  const { logDriver, logOptions, isLogDriverChosen } = defaults;
  const wanted = { ...logOptions, ...asked.options };
  const needsDocker = !isLogDriverChosen && Object.keys(wanted).some((name) => ATTRIBUTE_OPTIONS.has(name));
  const fallback = needsDocker ? DOCKER_LOG_DRIVER : logDriver;
  const name = asked.driver ?? fallback;
  const isDefault = name === fallback || (!isLogDriverChosen && name === DOCKER_LOG_DRIVER);
  const options = isDefault ? wanted : asked.options;
  const driver = logs.get(name);
  if (!driver) {
    const known = [...logs.keys()].join(', ');
    throw containerError('log-driver-unknown', { subject: name, details: { known } });
  }
  driver.validate(options);
  return { driver: name, options };
}
