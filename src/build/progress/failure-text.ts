/** What failed, in BuildKit's words where it has some. */
import { messageOf } from '#base/errors.ts';
import { StepFailure } from '../step-failure.ts';
import { BaseImageFailure } from './step-errors.ts';
import { fullName } from '../plan/step-titles.ts';
import { UnreadDockerfile } from '../contexts/unread-dockerfile.ts';

/** BuildKit's word for what did not fail itself; displays show it as CANCELED. */
export const CANCELED = 'context canceled';

/** BuildKit's words where it has some. */
export function failureText(error: unknown): string {
  if (error instanceof BaseImageFailure)
    return `${error.image}: failed to resolve source metadata for ${fullName(error.image)}: ${error.message}`;
  if (error instanceof UnreadDockerfile) return error.graphText;
  if (!(error instanceof StepFailure)) return messageOf(error);
  return `process ${JSON.stringify(error.command)} did not complete successfully: exit code: ${error.exitCode}`;
}
