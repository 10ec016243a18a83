import { EngineError } from '#base/errors.ts';

/** A Dockerfile that is not there, or has nothing in it: each wire has words of its own. */
export class UnreadDockerfile extends EngineError {
  /** BuildKit's; the message is the classic builder's. */
  readonly graphText: string;

  constructor(path: string, state: 'missing' | 'empty') {
    super(
      'invalid',
      state === 'missing'
        ? `Cannot locate specified Dockerfile: ${path}`
        : `the Dockerfile (${path}) cannot be empty`,
    );
    this.graphText =
      state === 'missing'
        ? `failed to read dockerfile: open ${path}: no such file or directory`
        : 'the Dockerfile cannot be empty';
  }
}
