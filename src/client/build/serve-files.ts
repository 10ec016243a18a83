import { messageOf } from '#base/errors.ts';
import { type EntryRow, entryRow, type WireEntry, type WireFileQuery } from '#wire/build-session.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { DirectoryProvider } from './providers.ts';

const ENTRIES_TOGETHER = 500;

/** Serves one listing of a directory: what is in it, then the contents that are asked for. */
export class FileServer {
  readonly #id: number;
  readonly #directory: DirectoryProvider;
  readonly #writer: FrameWriter;
  readonly #entries: WireEntry[] = [];
  #isClosed = false;

  constructor(id: number, directory: DirectoryProvider, writer: FrameWriter) {
    this.#id = id;
    this.#directory = directory;
    this.#writer = writer;
  }

  async list(query: WireFileQuery): Promise<void> {
    const id = this.#id;
    let rows: EntryRow[] = [];
    const flush = () => {
      if (rows.length > 0) void this.#writer.send({ type: 'entries', id, entries: rows });
      rows = [];
    };
    const marks = this.#directory.list(query, (entry) => {
      this.#entries.push(entry);
      if (rows.push(entryRow(entry)) >= ENTRIES_TOGETHER) flush();
    });
    flush();
    await this.#writer.send({ type: 'end', id, marks });
  }

  /** Sends as fast as the engine reads. */
  async send(positions: readonly number[]): Promise<void> {
    const id = this.#id;
    try {
      for (const position of positions) {
        const entry = this.#entries[position];
        if (this.#isClosed || !entry) return;
        for (const chunk of this.#directory.read(entry))
          await this.#writer.append({ type: 'content', id, position, last: false }, chunk);
        await this.#writer.append({ type: 'content', id, position, last: true }, NOTHING);
      }
      await this.#writer.flush();
    } catch (error) {
      void this.#writer.send({ type: 'error', id, message: messageOf(error) });
    }
  }

  close(): void {
    this.#isClosed = true;
  }
}

const NOTHING = new Uint8Array();
