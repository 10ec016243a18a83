/**
 * Where JSON that the engine wrote itself is not what it was any more. The sample says what must be there: objects have
 * the sample's fields and may have others, items of an array are like the sample's one item, and of the rest only the
 * type counts.
 *
 * @returns the path of the first difference, such as `spec.process.groups`; undefined if there is none
 */
export function shapeFault(value: unknown, sample: unknown, path = ''): string | undefined {
  if (Array.isArray(sample)) return arrayFault(value, sample[0], path);
  if (typeof sample !== 'object' || sample === null) return typeof value === typeof sample ? undefined : path;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return path;
  const fields = new Map(Object.entries(value));
  for (const [key, own] of Object.entries(sample)) {
    const fault = shapeFault(fields.get(key), own, path === '' ? key : `${path}.${key}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** True where {@link shapeFault} finds nothing. */
export function hasShape<Sample>(value: unknown, sample: Sample): value is Sample {
  return shapeFault(value, sample) === undefined;
}

function arrayFault(value: unknown, item: unknown, path: string): string | undefined {
  if (!Array.isArray(value)) return path;
  if (item === undefined) return undefined;
  return value
    .values()
    .map((each, index) => shapeFault(each, item, `${path}[${index}]`))
    .find((fault) => fault !== undefined);
}
