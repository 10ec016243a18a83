import type { SQLOutputValue } from 'node:sqlite';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;

/**
 * What rows mean. One that cannot be read is told and left as it is: it must not keep anything else from being used.
 *
 * @param decode throws for what it cannot read
 * @param table in which the rows are, for the log; its first column names the row
 */
export function readRows<T>(
  rows: readonly Row[],
  decode: (row: Row) => T,
  { table, logger }: { readonly table: string; readonly logger: Logger },
): readonly T[] {
  return rows.flatMap((row) => {
    try {
      return [decode(row)];
    } catch (error) {
      const [key] = Object.values(row);
      logger.error('a record is damaged', { table, record: String(key), error: messageOf(error) });
      return [];
    }
  });
}
