/**
 * `node:http` as `require` gives it. Importing it as a module evaluates all of its getters, and one of them loads a
 * second HTTP implementation: 14 MB and 30 ms at every start.
 */
export const http = process.getBuiltinModule('node:http');

/** Loaded where TLS is spoken only: 3 MB. */
export function https(): typeof import('node:https') {
  return process.getBuiltinModule('node:https');
}
