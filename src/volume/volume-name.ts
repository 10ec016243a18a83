import { EngineError } from '#base/errors.ts';

/** Docker's mark of a volume without a name of its own: a label with an empty value. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

const PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/**
 * Names are directory names: nothing else may get through here.
 *
 * @throws {EngineError} `invalid`, with Docker's words
 */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw new EngineError(
      'invalid',
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (name.length > 255) throw new EngineError('invalid', `create ${name}: volume name is too long`);
  if (!PATTERN.test(name)) {
    throw new EngineError(
      'invalid',
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, ` +
        'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    );
  }
}
