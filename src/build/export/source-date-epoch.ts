/** `SOURCE_DATE_EPOCH` (reproducible-builds.org): nothing of a result is younger than this. */
import { EngineError } from '#base/errors.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import { formatDate } from '#base/timestamps.ts';

/**
 * @param text seconds since 1970; empty: there is none
 * @throws {EngineError} `invalid`
 */
export function parseEpoch(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seconds * 1000)) return seconds;
  throw new EngineError(
    'invalid',
    `invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text)} is not a number of seconds`,
  );
}

/** @param baseHistory lines of the history that the base image brought: they stay */
export function clampConfig(
  config: ImageConfig,
  epoch: number | undefined,
  baseHistory: number,
): ImageConfig {
  if (epoch === undefined) return config;
  const history = config.history.map((line, index) =>
    index < baseHistory ? line : { ...line, created: clampDate(line.created, epoch) },
  );
  return { ...config, created: clampDate(config.created, epoch), history };
}

function clampDate(date: string | undefined, epoch: number): string {
  const isOlder = date !== undefined && Date.parse(date) <= epoch * 1000;
  return isOlder ? date : formatDate(epoch * 1000);
}
