/** What `system check` and `system repair` show. */
import type { IntegrityFault, IntegrityLine, IntegritySummary } from '#wire/integrity.ts';
import type { Context } from './context.ts';
import { type Listing, printRows } from './format/rows.ts';
import { humanSize } from './format/sizes.ts';
import { Row } from './template/value.ts';

const listing: Listing = {
  headings: { Part: 'PART', Subject: 'SUBJECT', Problem: 'PROBLEM', Repair: 'REPAIR', Advice: 'ADVICE' },
  columns: ['Part', 'Subject', 'Problem', 'Repair', 'Advice'],
};

/**
 * Shows the faults as `--format` asks, and how far it is on a terminal.
 *
 * @returns what there is to say at the end
 */
export async function showIntegrity(
  context: Context,
  lines: AsyncIterable<IntegrityLine>,
  format: string,
): Promise<IntegritySummary> {
  const faults: IntegrityFault[] = [];
  let summary: IntegritySummary | undefined;
  using line = progressLine(context);
  for await (const { Progress, Fault, Summary } of lines) {
    if (Progress) line.show(`Checking ${humanSize(Progress.Done, 3)} of ${humanSize(Progress.Total, 3)}`);
    if (Fault) faults.push(Fault);
    summary = Summary ?? summary;
  }
  line.show('');
  if (!summary) throw new Error('the engine ended before the check did');
  const isSilent = faults.length === 0 && format.trim() === '';
  if (!isSilent) printRows(context, listing, faults.map(faultRow), format);
  return summary;
}

/** What was looked at. */
export function checkedText(summary: IntegritySummary): string {
  const { Blobs, Layers, Images, Containers, Volumes, Networks, Checked } = summary;
  const parts = [
    `${Blobs} blobs`,
    `${Layers} layers (${humanSize(Checked)} read)`,
    `${Images} images`,
    `${Containers} containers`,
    `${Volumes} volumes`,
  ];
  return `Checked ${parts.join(', ')} and ${Networks} networks`;
}

/** What lies in lost+found, where something does. */
export function lostText({ LostAndFound }: IntegritySummary): string | undefined {
  if (LostAndFound.length === 0) return undefined;
  return (
    `lost+found below the root of the engine holds ${LostAndFound.length} things that were set aside; ` +
    'caisson system repair --delete deletes them'
  );
}

function faultRow({ Part, Subject, Problem, Repair = '', Advice = '' }: IntegrityFault): Row {
  return new Row({
    Part: () => Part,
    Subject: () => Subject,
    Problem: () => Problem,
    Repair: () => Repair,
    Advice: () => Advice,
  });
}

const REDRAW_MS = 100;

function progressLine({ stderr }: Context): Disposable & { show(text: string): void } {
  let [drawnAt, isShown] = [0, false];
  const clear = () => {
    if (isShown) stderr.write('\r\u001b[K');
    isShown = false;
  };
  return {
    show: (text) => {
      if (text === '') return clear();
      if (!stderr.isTerminal || Date.now() - drawnAt < REDRAW_MS) return;
      [drawnAt, isShown] = [Date.now(), true];
      stderr.write(`\r\u001b[K${text}`);
    },
    [Symbol.dispose]: clear,
  };
}
