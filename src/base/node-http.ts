/**
 * `node:http` as `require` gives it. Importing it as a module evaluates all of its getters, and one of them loads a
 * second HTTP implementation: 14 MB and 30 ms at every start.
 */
export const http = process.getBuiltinModule('node:http');
