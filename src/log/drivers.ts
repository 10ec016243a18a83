import { jsonFileDriver } from './json-file-driver.ts';
import { localDriver } from './local-driver.ts';
import type { LogDriver } from './log.ts';
import { noneDriver } from './none-driver.ts';

/** What containers log with unless they or the engine's configuration say otherwise. */
export const DEFAULT_LOG_DRIVER = 'local';

export function createLogDrivers(): ReadonlyMap<string, LogDriver> {
  return new Map([localDriver, jsonFileDriver, noneDriver].map((driver) => [driver.name, driver]));
}
