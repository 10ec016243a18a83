/**
 * Ends a switch over a closed union in place of `default:`. A new variant does not compile until every such switch has
 * decided what to do with it.
 *
 * @throws {Error} when a value from outside is none of the variants that its type promises
 */
export function unreachable(value: never): never {
  throw new Error(`Cannot decide about ${JSON.stringify(value)}: no such variant`);
}
