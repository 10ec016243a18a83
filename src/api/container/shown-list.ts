/** `list`, or where that is empty, an empty list or null as the client sent it: clients tell the two apart. */
export function listOr<Item>(
  list: readonly Item[],
  asked: readonly unknown[] | null | undefined,
): readonly Item[] | null {
  if (list.length > 0) return list;
  return asked && asked.length === 0 ? [] : null;
}
