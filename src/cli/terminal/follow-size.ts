import type { TerminalSize } from '#client/containers.ts';
import { onResize, terminalSize } from './terminal.ts';

/**
 * Sends the terminal's size now and after every change until disposed: one at a time, so that no older size comes
 * after a newer one. Failures are of no concern: what runs there may have ended already.
 */
export function followSize(send: (size: TerminalSize) => Promise<unknown>): Disposable {
  let isSent = true;
  let isSending = false;
  const follow = async (): Promise<void> => {
    isSent = false;
    if (isSending) return;
    isSending = true;
    while (!isSent) {
      isSent = true;
      const size = terminalSize();
      if (size) await send(size).catch(() => undefined);
    }
    isSending = false;
  };
  // Listening comes first: no change goes by unseen.
  const following = onResize(() => void follow());
  void follow();
  return following;
}
