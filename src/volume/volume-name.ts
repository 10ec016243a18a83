import { volumeError } from './volume-errors.ts';

/** Docker's mark of a volume without a name of its own: a label with an empty value. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

const PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/**
 * Names are directory names: nothing else may get through here.
 *
 * @throws {EngineError} `invalid`
 */
export function checkVolumeName(name: string): void {
  if (name.length === 1) throw volumeError('volume-name-short', { subject: name });
  if (name.length > 255) throw volumeError('volume-name-long', { subject: name });
  if (!PATTERN.test(name)) throw volumeError('volume-name-invalid', { subject: name });
}
