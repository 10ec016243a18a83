import { closeSync, constants, openSync } from 'node:fs';
import { makeRaw, openPtyMaster, setWindowSize } from '#linux/pty.ts';
import type { TerminalSize } from '../container-spec.ts';

/** setsid(1) of util-linux makes its standard input the controlling terminal of a session of its own. */
const LEADER = ['/usr/bin/setsid', '--ctty'];

/**
 * A terminal for a runtime that copies between it and the process's own. It passes everything on as it is: the
 * process's own does the editing. The runtime leads its foreground group, so that it hears of new sizes. Disposing
 * closes what was not taken.
 */
export class RuntimeTerminal implements Disposable {
  #master: number | undefined;
  #slave: number | undefined;

  constructor(size?: TerminalSize) {
    const { master, slavePath } = openPtyMaster();
    this.#master = master;
    makeRaw(master);
    if (size) setWindowSize(master, size.rows, size.columns);
    this.#slave = openSync(slavePath, constants.O_RDWR | constants.O_NOCTTY);
  }

  /** The runtime's 0, 1 and 2. */
  get stdio(): readonly [number, number, number] {
    if (this.#slave === undefined) throw new Error('the terminal has been closed');
    return [this.#slave, this.#slave, this.#slave];
  }

  /** The command that runs `command` at the terminal. */
  lead(command: readonly string[]): readonly string[] {
    return [...LEADER, ...command];
  }

  /** To be called once the runtime has the slave: the terminal hangs up when the last process closes it. */
  closeSlave(): void {
    if (this.#slave !== undefined) closeSync(this.#slave);
    this.#slave = undefined;
  }

  /** The master, which belongs to the caller from now on. */
  takeMaster(): number | undefined {
    const master = this.#master;
    this.#master = undefined;
    return master;
  }

  [Symbol.dispose](): void {
    this.closeSlave();
    if (this.#master !== undefined) closeSync(this.#master);
    this.#master = undefined;
  }
}
