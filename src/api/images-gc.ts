/** `POST /images/gc`: an extension of ours, so that clients of Docker's API never meet it. */
import { EngineError } from '#base/errors.ts';
import type { ImageBudget, ImageBudgetReport } from '#image/image.ts';
import { parseDuration } from '#base/durations.ts';
import { formatDate } from '#base/timestamps.ts';
import type { ImageGcReport } from '#wire/image-gc.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './respond.ts';
import { post, type Route } from './route.ts';

const NS_PER_MS = 1_000_000n;

export const imageGcRoutes: readonly Route[] = [
  post('/images/gc', async (exchange) => {
    const options = { isDryRun: exchange.flag('dry-run'), signal: exchange.signal };
    const report = await exchange.engine.images.keepBudget(budgetOf(exchange), options);
    sendJson(exchange, 200, encodeReport(report));
  }),
];

function encodeReport(report: ImageBudgetReport): ImageGcReport {
  return {
    MaxSize: report.maximumBytes,
    Size: report.sizeBytes,
    Reclaimed: report.reclaimedBytes,
    DryRun: report.isDryRun,
    Images: report.images.map(({ id, tags, lastUsedMs, uniqueBytes, isRemoved, reason }) => ({
      Id: id,
      RepoTags: tags,
      LastUsed: formatDate(lastUsedMs),
      UniqueSize: uniqueBytes,
      Removed: isRemoved,
      Reason: reason,
    })),
  };
}

/** The engine's own, with what the request says instead. @throws {EngineError} `invalid` */
function budgetOf(exchange: Exchange): ImageBudget {
  const { budget } = exchange.engine.images;
  const [size, age] = [exchange.text('max-size'), exchange.text('min-age')];
  const maximumBytes = size === '' ? budget?.maximumBytes : Number(size);
  if (maximumBytes === undefined)
    throw new EngineError(
      'invalid',
      'Cannot collect images: no budget is known; give one, or image-gc in the configuration of the engine',
    );
  if (!Number.isSafeInteger(maximumBytes) || maximumBytes < 0)
    throw new EngineError('invalid', `Cannot collect images: ${JSON.stringify(size)} is no number of bytes`);
  return {
    maximumBytes,
    minimumAgeMs: age === '' ? (budget?.minimumAgeMs ?? 0) : Number(parseDuration(age) / NS_PER_MS),
    keep: [...(budget?.keep ?? []), ...exchange.query.getAll('keep')],
  };
}
