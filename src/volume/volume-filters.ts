import { booleanFilter, checkFilters, type Filters, lacksLabels, matchesLabels } from '#base/filters.ts';
import type { VolumeView } from './volume.ts';

const LIST_FILTERS = new Set(['dangling', 'driver', 'label', 'name']);
const PRUNE_FILTERS = new Set(['label', 'label!']);

type Test = (volume: VolumeView) => boolean;

/** What a list shows. @throws {EngineError} `invalid` */
export function listTest(filters: Filters, isUsed: (name: string) => boolean): Test {
  checkFilters(filters, LIST_FILTERS);
  const dangling = booleanFilter(filters, 'dangling');
  return ({ name, driver, labels = {} }) =>
    (filters.get('name')?.some((part) => name.includes(part)) ?? true) &&
    (filters.get('driver')?.includes(driver) ?? true) &&
    matchesLabels(filters.get('label'), labels) &&
    (dangling === undefined || dangling !== isUsed(name));
}

/** What a prune may take, besides that nothing uses it. @throws {EngineError} `invalid` */
export function pruneTest(filters: Filters): Test {
  checkFilters(filters, PRUNE_FILTERS);
  return ({ labels = {} }) =>
    matchesLabels(filters.get('label'), labels) && lacksLabels(filters.get('label!'), labels);
}
