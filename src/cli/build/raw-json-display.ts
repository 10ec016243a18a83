import type { WireBuildEvent, WireBuildFailure, WireVertex, WireWarning } from '#wire/build-session.ts';
import type { Output } from '../output.ts';
import type { BuildDisplay } from './build-display.ts';

/** One object a line, as `docker buildx build --progress rawjson` has them (BuildKit's SolveStatus). */
export class RawJsonDisplay implements BuildDisplay {
  readonly warnings: WireWarning[] = [];
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  show(event: WireBuildEvent, data: Buffer): void {
    if (event.type === 'warning') this.warnings.push(event.warning);
    const status = statusOf(event, data);
    if (status) this.#output.write(`${JSON.stringify(status)}\n`);
  }

  finish(failure?: WireBuildFailure): void {
    if (failure) this.#output.write(`${JSON.stringify({ error: failure })}\n`);
  }

  [Symbol.dispose](): void {}
}

function statusOf(event: WireBuildEvent, data: Buffer): object | undefined {
  switch (event.type) {
    case 'vertex':
      return { vertexes: [vertexOf(event.vertex)] };
    case 'vertex-output':
      return {
        logs: [
          {
            vertex: event.vertex,
            stream: event.stream === 'stdout' ? 1 : 2,
            data: data.toString('base64'),
            timestamp: timeOf(event.atMs),
          },
        ],
      };
    case 'vertex-progress': {
      const { id, name = '', current, total, startedAtMs, completedAtMs } = event.progress;
      const times = {
        timestamp: timeOf(Date.now()),
        started: timeOf(startedAtMs),
        ...(completedAtMs !== undefined && { completed: timeOf(completedAtMs) }),
      };
      return { statuses: [{ id, vertex: event.vertex, name, total, current, ...times }] };
    }
    case 'warning': {
      const { message, url, file, startLine, endLine, rule } = event.warning;
      const lines = { start: { line: startLine }, end: { line: endLine } };
      return {
        warnings: [{ vertex: event.vertex, short: `${rule}: ${message}`, url, file, range: [lines] }],
      };
    }
    case 'built':
      return undefined;
  }
}

function vertexOf({ startedAtMs, completedAtMs, ...vertex }: WireVertex): object {
  return {
    ...vertex,
    ...(startedAtMs !== undefined && { started: timeOf(startedAtMs) }),
    ...(completedAtMs !== undefined && { completed: timeOf(completedAtMs) }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
