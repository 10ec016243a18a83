import { configuredFormat } from '../docker-config.ts';
import { encodeFilters, path } from '#client/client.ts';
import { listContainers } from '#client/containers.ts';
import { jsonLines } from '#client/json-lines.ts';
import type { EventMessage } from '#wire/event.ts';
import { defineCommand, MANY } from '../command.ts';
import type { Context } from '../context.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { renderRows } from '../format/rows.ts';
import { type StatsSample, statsListing, statsRow } from '../format/stats-rows.ts';

export const command = defineCommand({
  summary: 'Display a live stream of container(s) resource usage statistics',
  usage: ['[OPTIONS] [CONTAINER...]'],
  operands: { min: 0, max: MANY, kind: 'running-container' },
  examples: ['caisson stats', 'caisson stats --no-stream web db'],
  flags: {
    all: booleanFlag('Show all containers (default shows just running)', { short: 'a' }),
    format: stringFlag(FORMAT_HELP),
    noStream: booleanFlag('Disable streaming stats and only pull the first result'),
    noTrunc: booleanFlag('Do not truncate output'),
  },
  run: async (context, { flags, operands }) => {
    const names = operands.length > 0 ? operands : await idsOf(context, flags.all);
    const board = new StatsBoard(
      context,
      flags.noTrunc,
      flags.format || configuredFormat(context, 'statsFormat'),
    );
    if (flags.noStream) {
      await Promise.all(names.map((name) => board.follow(name, false)));
      board.draw();
      return 0;
    }
    const following = names.map((name) => board.follow(name, true));
    if (operands.length === 0) following.push(followNewcomers(context, board));
    return board.redrawUntil(Promise.all(following));
  },
});

async function idsOf(context: Context, all: boolean): Promise<readonly string[]> {
  return (await listContainers(context.client, { all })).map(({ Id }) => Id.slice(0, 12));
}

/** Containers that start while the board is shown appear on it, those that end go. */
async function followNewcomers(context: Context, board: StatsBoard): Promise<void> {
  const response = await context.client.request({
    method: 'GET',
    path: '/events',
    query: { filters: encodeFilters({ type: ['container'], event: ['start', 'die', 'destroy'] }) },
  });
  for await (const line of jsonLines(response.body)) {
    const { Action, Actor }: EventMessage = JSON.parse(line);
    const id = Actor.ID.slice(0, 12);
    if (Action !== 'start') board.forget(id);
    else board.follow(id, true).catch(() => board.forget(id));
  }
}

const REDRAW_MS = 500;

class StatsBoard {
  readonly #context: Context;
  readonly #noTrunc: boolean;
  readonly #format: string;
  readonly #samples = new Map<string, StatsSample | undefined>();

  constructor(context: Context, noTrunc: boolean, format: string) {
    this.#context = context;
    this.#noTrunc = noTrunc;
    this.#format = format;
  }

  /** Takes the container's samples until it ends; one sample without `stream`. */
  async follow(name: string, stream: boolean): Promise<void> {
    this.#samples.set(name, undefined);
    const response = await this.#context.client.request({
      method: 'GET',
      path: path`/containers/${name}/stats`,
      query: { stream: stream ? '1' : '0' },
    });
    for await (const line of jsonLines(response.body)) {
      const sample: StatsSample = JSON.parse(line);
      if (this.#samples.has(name)) this.#samples.set(name, sample);
    }
  }

  forget(name: string): void {
    this.#samples.delete(name);
  }

  draw(): void {
    this.#context.stdout.write(this.#text());
  }

  /** Draws over what was drawn before until `done`. */
  async redrawUntil(done: Promise<unknown>): Promise<number> {
    const timer = setInterval(() => this.#redraw(), REDRAW_MS);
    try {
      await done;
      return 0;
    } finally {
      clearInterval(timer);
    }
  }

  #redraw(): void {
    const { stdout } = this.#context;
    // Home, then each line with the rest of the old one erased, then what is below: no flicker.
    const text = stdout.isTerminal
      ? `\u001b[H${this.#text().replaceAll('\n', '\u001b[K\n')}\u001b[J`
      : this.#text();
    stdout.write(text);
  }

  #text(): string {
    const rows = [...this.#samples].map(([name, sample]) => statsRow(name, sample, this.#noTrunc));
    return renderRows(statsListing, rows, this.#format);
  }
}
