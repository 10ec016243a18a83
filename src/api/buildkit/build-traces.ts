/** `POST /build?version=2`: a build of the classic endpoint, with BuildKit's session and progress. */
import { isEngineError } from '#base/errors.ts';
import type { BuildEvent, BuildRequest, Builds } from '#build/build.ts';
import { StatusResponse } from '#wire/buildkit/control.ts';
import type { ProgressMessage } from '#wire/image.ts';
import type { ClientSession } from './client-session.ts';
import { isGraphEvent, statusResponseOf } from './status-feed.ts';
import { buildkitFailureText } from '../errors/build-failure.ts';

/** A message of BuildKit's progress: `aux` is a StatusResponse in base64. */
interface TraceMessage {
  readonly id: 'moby.buildkit.trace';
  readonly aux: string;
}

/** The context is in the session where the client says so, else it is the request's. */
export async function* traceBuild(
  builds: Builds,
  request: BuildRequest,
  session: ClientSession | undefined,
): AsyncGenerator<ProgressMessage | TraceMessage, void> {
  try {
    const events = builds.build({ ...request, ...(session && { session }), tell: 'graph' });
    for await (const event of events) yield* linesOf(event);
  } catch (error) {
    if (isEngineError(error, 'aborted')) throw error;
    const message = buildkitFailureText(error);
    yield { errorDetail: { message }, error: message };
  }
}

function* linesOf(event: BuildEvent): Generator<ProgressMessage | TraceMessage, void> {
  if (isGraphEvent(event)) {
    const trace = StatusResponse.encode(statusResponseOf([event]));
    yield { id: 'moby.buildkit.trace', aux: Buffer.from(trace).toString('base64') };
  } else if (event.type === 'built' && event.id !== undefined)
    yield { id: 'moby.image.id', aux: { ID: event.id } };
}
