import { EngineError } from '#base/errors.ts';
import type { ImageBudget } from '#image/image.ts';
import { tryParseDuration } from '#base/durations.ts';

/** An image that has just come is not taken away before it is used. */
const DEFAULT_MINIMUM_AGE_MS = 3600 * 1000;
const NS_PER_MS = 1_000_000n;
const UNITS: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4 };

/**
 * `image-gc`: `{"max-size": "20GB", "min-age": "24h", "keep": ["label=keep", "registry.example/team/*"]}`.
 *
 * @throws {EngineError} `invalid` for another key, or a value that makes no sense
 */
export function imageBudget(setting: Readonly<Record<string, unknown>>): ImageBudget {
  const { 'max-size': size, 'min-age': age, keep = [], ...others } = setting;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refusal(`it has no ${JSON.stringify(unknown)}`);
  const patterns: unknown = typeof keep === 'string' ? keep.split(',') : keep;
  if (!Array.isArray(patterns) || !patterns.every((each) => typeof each === 'string'))
    throw refusal('"keep" must be a list of patterns');
  return {
    maximumBytes: bytesOf(size),
    minimumAgeMs: age === undefined ? DEFAULT_MINIMUM_AGE_MS : millisecondsOf(age),
    keep: patterns,
  };
}

function bytesOf(value: unknown): number {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (digits === undefined) throw refusal('"max-size" must be a size such as "20GB"');
  return Math.trunc(Number(digits) * 1024 ** (UNITS[unit.toLowerCase()] ?? 0));
}

function millisecondsOf(value: unknown): number {
  const ns = typeof value === 'string' ? tryParseDuration(value) : undefined;
  if (ns === undefined || ns < 0n) throw refusal('"min-age" must be a duration such as "24h"');
  return Number(ns / NS_PER_MS);
}

function refusal(state: string): EngineError {
  return new EngineError('invalid', `Cannot use image-gc: ${state}`);
}
