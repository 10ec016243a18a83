/** What an image says about how to run it: `config` of the image configuration, with Docker's extensions. */
import type { JsonObject } from '#base/json.ts';
import type { JsonShape } from './json-shape.ts';

const MAXIMUM_ITEMS = 100_000;

/** Field names are the format's. Absent fields leave the choice to the engine that runs the image. */
export interface ImageDefaults {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: ImageHealthcheck;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
}

export interface ImageHealthcheck {
  readonly Test?: readonly string[];
  /** Durations are nanoseconds. */
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** @throws {EngineError} `invalid` if a field has a wrong type */
export function decodeImageDefaults(value: JsonObject, shape: JsonShape): ImageDefaults {
  const healthcheck = shape.optionalObject(value, 'Healthcheck');
  return dropAbsent({
    User: shape.optionalString(value, 'User'),
    ExposedPorts: decodeSet(value, 'ExposedPorts', shape),
    Env: shape.optionalStrings(value, 'Env', MAXIMUM_ITEMS),
    Entrypoint: shape.optionalStrings(value, 'Entrypoint', MAXIMUM_ITEMS),
    Cmd: shape.optionalStrings(value, 'Cmd', MAXIMUM_ITEMS),
    Volumes: decodeSet(value, 'Volumes', shape),
    WorkingDir: shape.optionalString(value, 'WorkingDir'),
    Labels: shape.optionalStringMap(value, 'Labels'),
    StopSignal: shape.optionalString(value, 'StopSignal'),
    StopTimeout: shape.optionalInteger(value, 'StopTimeout'),
    ArgsEscaped: shape.optionalBoolean(value, 'ArgsEscaped'),
    Healthcheck: healthcheck && decodeHealthcheck(healthcheck, shape),
    OnBuild: shape.optionalStrings(value, 'OnBuild', MAXIMUM_ITEMS),
    Shell: shape.optionalStrings(value, 'Shell', MAXIMUM_ITEMS),
  });
}

function decodeHealthcheck(value: JsonObject, shape: JsonShape): ImageHealthcheck {
  return dropAbsent({
    Test: shape.optionalStrings(value, 'Test', MAXIMUM_ITEMS),
    Interval: shape.optionalInteger(value, 'Interval'),
    Timeout: shape.optionalInteger(value, 'Timeout'),
    StartPeriod: shape.optionalInteger(value, 'StartPeriod'),
    StartInterval: shape.optionalInteger(value, 'StartInterval'),
    Retries: shape.optionalInteger(value, 'Retries'),
  });
}

/** Go's `map[string]struct{}`. */
function decodeSet(
  value: JsonObject,
  field: string,
  shape: JsonShape,
): Readonly<Record<string, object>> | undefined {
  const set = shape.optionalObject(value, field);
  return set && Object.fromEntries(Object.keys(set).map((key) => [key, {}]));
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function dropAbsent<T extends object>(fields: T): Present<T> {
  const present: Present<T> = { ...fields };
  for (const key in present) if (present[key] === undefined) delete present[key];
  return present;
}
