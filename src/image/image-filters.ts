/** The filters of lists and prunes, with Docker's meanings. */
import { globPattern } from '#oci/glob.ts';
import { familiarName, familiarReference, type Reference } from '#oci/reference.ts';
import { booleanFilter, type Filters, lacksLabels, matchesLabels } from '#base/filters.ts';
import { resolveTimestamp } from '#base/timestamps.ts';
import { findImage } from './image-lookup.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable } from './image-table.ts';

type Test = (image: ImageRecord) => boolean;

/**
 * A test for what an image is; `reference` and `dangling`, which are about names, are not part of it.
 *
 * @throws {EngineError} `invalid`, `not-found` for an image that `before` or `since` name
 */
export function imageTest(filters: Filters, table: ImageTable): Test {
  const before = instantsOf(filters, 'before', (text) => createdMs(findImage(table, text)));
  const since = instantsOf(filters, 'since', (text) => createdMs(findImage(table, text)));
  const until = instantsOf(filters, 'until', (text) => Number(resolveTimestamp(text) / 1_000_000n));
  return (image) => {
    const created = createdMs(image);
    const labels = image.config.config.Labels ?? null;
    return (
      before.every((instant) => created < instant) &&
      since.every((instant) => created > instant) &&
      until.every((instant) => created < instant) &&
      matchesLabels(filters.get('label'), labels) &&
      lacksLabels(filters.get('label!'), labels)
    );
  };
}

/**
 * True if one of the patterns (`path.Match` of Go) fits the name with or without its tag; all fit where there are none.
 *
 * @throws {EngineError} `invalid` for what is not a pattern
 */
export function referenceTest(filters: Filters): (reference: Reference) => boolean {
  const patterns = filters.get('reference')?.map(globPattern);
  if (!patterns) return () => true;
  return (reference) => {
    const names = [familiarReference(reference), familiarName(reference)];
    return patterns.some(({ test }) => names.some(test));
  };
}

/** undefined where the filter is absent. @throws {EngineError} `invalid` */
export function danglingFilter(filters: Filters): boolean | undefined {
  return booleanFilter(filters, 'dangling');
}

function instantsOf(filters: Filters, name: string, resolve: (text: string) => number): readonly number[] {
  return (filters.get(name) ?? []).map(resolve);
}

function createdMs({ config }: ImageRecord): number {
  const milliseconds = Date.parse(config.created ?? '');
  return Number.isNaN(milliseconds) ? 0 : milliseconds;
}
