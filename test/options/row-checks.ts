import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OptionRow, OptionRows } from './option-row.ts';

const OPTIONS: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/docker-options.json'), 'utf8'),
);

/** Each option of a request has a row, and each row is of one. `NAME (more)` is a further row of an option. */
export function checkRows(request: string, rows: Readonly<Record<string, unknown>>): void {
  const options = OPTIONS[request] ?? [];
  const names = Object.keys(rows);
  assert.ok(options.length > 0);
  assert.deepEqual(
    options.filter((option) => !names.includes(option)),
    [],
    'options without a row',
  );
  assert.deepEqual(
    names.filter((name) => !options.includes(name.replace(/ \(.*\)$/, ''))),
    [],
    'rows without an option',
  );
}

type RowOf<Kind extends OptionRow['kind']> = Extract<OptionRow, { readonly kind: Kind }>;

/** Checks all rows of a kind, and fails with whatever is wrong with any of them. */
export async function forEachRow<Kind extends OptionRow['kind']>(
  rows: OptionRows,
  kind: Kind,
  check: (name: string, row: RowOf<Kind>) => Promise<void> | void,
): Promise<void> {
  const problems: unknown[] = [];
  for (const [name, row] of Object.entries(rows)) {
    if (!isOfKind(row, kind)) continue;
    try {
      await check(name, row);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('\n'));
}

function isOfKind<Kind extends OptionRow['kind']>(row: OptionRow, kind: Kind): row is RowOf<Kind> {
  return row.kind === kind;
}
