import { EngineError } from '#base/errors.ts';
import { ApiError } from '#client/api-error.ts';
import { inspectContainer, type WaitResult } from '#client/containers.ts';
import type { Context } from './context.ts';
import { truncateId } from './format/text.ts';
import { ReaderGone } from './output.ts';
import type { StreamEnd } from './terminal/streams.ts';

/** A container whose streams are this process's. */
export interface AttachedContainer {
  readonly id: string;
  /** Its streams; undefined where none was wanted. */
  readonly streaming: Promise<StreamEnd> | undefined;
  readonly result: Promise<WaitResult>;
}

/**
 * Waits for the end of a container, or until the user leaves it. Where it goes on without this process, that is said.
 *
 * @returns its exit code; undefined if the user left
 * @throws {EngineError} `aborted` if the connection is lost
 */
export async function untilEnded(context: Context, attached: AttachedContainer): Promise<number | undefined> {
  const name = truncateId(attached.id);
  try {
    if ((await attached.streaming) === 'detached') return undefined;
    return exitCodeOf(context, await attached.result);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (!(error instanceof ReaderGone)) throw lostConnection(name, error);
    if (await goesOn(context, attached)) {
      context.say(
        `${context.program}: nothing reads this output any more. Container ${name} goes on: "caisson logs -f ${name}" shows it, "caisson stop ${name}" ends it.`,
      );
    }
    throw error;
  }
}

function lostConnection(name: string, cause: unknown): EngineError {
  const message = `Lost the connection to the engine: container ${name} goes on without it.
"caisson attach ${name}" returns to it once the engine is back, "caisson logs ${name}" has what it said meanwhile.`;
  return new EngineError('aborted', message, { cause });
}

/** How long a container may take to end that has said all it had to say. */
const LAST_MOMENT_MS = 200;

async function goesOn({ client }: Context, { id, result }: AttachedContainer): Promise<boolean> {
  const ended = result.then(
    () => true,
    () => true,
  );
  const stillRuns = new Promise<false>((resolve) => setTimeout(resolve, LAST_MOMENT_MS, false));
  if (await Promise.race([ended, stillRuns])) return false;
  return inspectContainer(client, id).then(
    ({ State }) => State.Running,
    () => false,
  );
}

/** The exit code that a finished container gives to the command that waited for it. */
function exitCodeOf(context: Context, result: WaitResult): number {
  if (!result.Error?.Message) return result.StatusCode;
  context.say(`${context.program}: ${result.Error.Message}`);
  return 125;
}
