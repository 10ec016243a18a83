import type { ConsoleSocket } from '#linux/console-socket.ts';
import type { MonitorWatch } from './monitor-watch.ts';

async function abortIfNeverStarted(watch: MonitorWatch, controller: AbortController): Promise<void> {
  await watch.exited;
  if (!watch.hasStarted) controller.abort();
}

/** Undefined if the runtime ended without having started anything: what it started had a terminal, and it was sent. */
export async function receiveMaster(socket: ConsoleSocket, watch: MonitorWatch): Promise<number | undefined> {
  const gone = new AbortController();
  void abortIfNeverStarted(watch, gone);
  try {
    return await socket.receive(gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return undefined;
    throw error;
  }
}
