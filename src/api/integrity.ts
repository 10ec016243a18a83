/** `/caisson/check` and `/caisson/repair`: extensions of ours, so that clients of Docker's API never meet them. */
import { unreachable } from '#base/unreachable.ts';
import type { Fault, IntegrityMessage, IntegritySummary } from '#engine/integrity.ts';
import type { IntegrityFault, IntegrityLine, IntegritySummary as SummaryLine } from '#wire/integrity.ts';
import { sendProgress } from './progress.ts';
import { get, post, type Route } from './route.ts';

export const integrityRoutes: readonly Route[] = [
  get('/caisson/check', (exchange) => {
    const { integrity } = exchange.engine;
    return sendProgress(exchange, linesOf(integrity.check(exchange.signal)));
  }),
  post('/caisson/repair', (exchange) => {
    const { integrity } = exchange.engine;
    const options = { deletesLost: exchange.flag('delete'), signal: exchange.signal };
    return sendProgress(exchange, linesOf(integrity.repair(options)));
  }),
];

async function* linesOf(messages: AsyncIterable<IntegrityMessage>): AsyncGenerator<IntegrityLine, void> {
  for await (const message of messages) yield lineOf(message);
}

function lineOf(message: IntegrityMessage): IntegrityLine {
  switch (message.kind) {
    case 'progress':
      return { Progress: { Done: message.doneBytes, Total: message.totalBytes } };
    case 'fault':
      return { Fault: faultOf(message.fault) };
    case 'summary':
      return { Summary: summaryOf(message.summary) };
  }
  return unreachable(message);
}

function faultOf({ part, subject, problem, repair, advice }: Fault): IntegrityFault {
  return {
    Part: part,
    Subject: subject,
    Problem: problem,
    ...(repair !== undefined && { Repair: repair }),
    ...(advice !== undefined && { Advice: advice }),
  };
}

function summaryOf(summary: IntegritySummary): SummaryLine {
  return {
    Blobs: summary.blobs,
    Layers: summary.layers,
    Images: summary.images,
    Containers: summary.containers,
    Volumes: summary.volumes,
    Networks: summary.networks,
    Checked: summary.checkedBytes,
    Faults: summary.faults,
    Repaired: summary.repaired,
    LostAndFound: summary.lostAndFound,
    Deleted: summary.deleted,
  };
}
