/** `--link`: a container by the name that another one gives it. */
export interface Link {
  /** Name or id. */
  readonly container: string;
  readonly alias: string;
}

/**
 * Reads `CONTAINER[:ALIAS]`; also `/CONTAINER:/OWN/ALIAS`, as inspect shows a link.
 *
 * @throws {Error} with Docker's text
 */
export function parseLink(text: string): Link {
  if (text === '') throw new Error('empty string specified for links');
  const [container = '', alias = container, ...others] = text.split(':');
  if (others.length > 0) throw new Error(`bad format for links: ${text}`);
  return { container: container.replace(/^\//, ''), alias: alias.slice(alias.lastIndexOf('/') + 1) };
}
