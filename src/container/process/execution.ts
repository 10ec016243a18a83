import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { executionOf } from '#linux/process.ts';

/**
 * Turns of the event loop that are cheaper than a timer: crun executes the program some 0.3 ms after its pid is known.
 */
const QUICK_LOOKS = 20;
const WAIT_MS = 1;
/** About two seconds of looks: a program on a file system that hangs then counts as started. */
const MAXIMUM_LOOKS = 2000;

/** What runc calls a container's process until it executes the program: `runc:[2:INIT]`. */
const RUNC_INIT = /^runc:\[/;

/**
 * Waits until a container's process, whose runtime has told its pid, executes its program, or has ended. Only then do
 * signals reach the program, and its environment and arguments are to be seen. The kernel reports an execve(2) to
 * tracers only, so this looks.
 */
export async function untilExecuted(pid: number): Promise<void> {
  for (let looks = 0; looks < MAXIMUM_LOOKS && isBeingPrepared(pid); looks++) {
    await (looks < QUICK_LOOKS ? setImmediate() : sleep(WAIT_MS));
  }
}

function isBeingPrepared(pid: number): boolean {
  const execution = executionOf(pid);
  return execution !== undefined && (!execution.hasExecuted || RUNC_INIT.test(execution.name));
}
