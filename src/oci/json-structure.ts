/** A key with its colon, another string, or a bracket. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]/g;
const MAXIMUM_DEPTH = 100;

/**
 * What speaks against a text that is JSON: a key that an object has twice, since parsers differ in which of them
 * counts, or depth that no document of ours has. Undefined where it is well built.
 */
export function structuralFault(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  // Outside of strings, these tokens are all that matter.
  for (const [token, key] of json.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (key !== undefined && !isNew(open.at(-1), key)) return 'a field is there twice';
    if (open.length > MAXIMUM_DEPTH) return `nested more than ${MAXIMUM_DEPTH} deep`;
  }
  return undefined;
}

function isNew(keys: Set<string> | undefined, quoted: string): boolean {
  const key: unknown = JSON.parse(quoted);
  if (!keys || typeof key !== 'string' || keys.has(key)) return false;
  keys.add(key);
  return true;
}
