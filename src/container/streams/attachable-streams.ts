import type { Logger } from '#base/log.ts';
import type { ProcessStreams } from '../process/process-pipes.ts';
import { InputGate } from './input-gate.ts';
import { type LoggedOutput, OutputHub } from './output-hub.ts';

/** The streams of one process as clients attach to them: before it runs, while it runs, and until its last output. */
export class AttachableStreams {
  readonly output: OutputHub;
  readonly input = new InputGate();

  constructor(logger: Logger) {
    this.output = new OutputHub(logger);
  }

  /** The process runs. The log's writer belongs to the streams from now on. */
  open({ sources, input }: ProcessStreams, log?: LoggedOutput): void {
    this.output.open(sources, log);
    this.input.open(input);
  }

  /**
   * There is nothing more to come, or the process never ran: its clients are told. Resolves when those that keep pace
   * have had everything; never rejects.
   */
  async end(): Promise<void> {
    this.input.close();
    await this.output.endListeners();
  }

  /** Leaves what has not been read to the next daemon. */
  detach(): void {
    this.output.detach();
    void this.output.endListeners();
  }
}
