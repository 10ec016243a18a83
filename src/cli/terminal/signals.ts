import type { Context } from '../context.ts';

/** Every signal that a process may catch and that means something to the one in the container. */
const PROXIED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGTERM',
  'SIGCONT',
  'SIGTSTP',
  'SIGWINCH',
];

/**
 * Hands the signals that this process gets to `forward` (named without `SIG`) until disposed. The third SIGINT or
 * SIGTERM ends this process all the same: a container that ignores them is no reason to be stuck.
 */
export function proxySignals(context: Context, forward: (signal: string) => Promise<void>): Disposable {
  let terminations = 0;
  const listener = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') terminations++;
    if (terminations >= 3) {
      context.say('got 3 SIGTERM/SIGINTs, forcefully exiting');
      process.exit(1);
    }
    // The container may just have ended; then the signal has no receiver.
    forward(signal.slice('SIG'.length)).catch(() => undefined);
  };
  for (const signal of PROXIED) process.on(signal, listener);
  return {
    [Symbol.dispose]: () => {
      for (const signal of PROXIED) process.off(signal, listener);
    },
  };
}
