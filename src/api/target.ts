export interface RequestTarget {
  /** The version that is asked for, `1.45`; absent for a path without one, which means the newest. */
  readonly version?: string;
  /** The path without version and query, still escaped. */
  readonly path: string;
  /** The query without the question mark. */
  readonly query: string;
}

const VERSION = /^\/v(\d[\d.]*)(?=\/)/;

/** Where a request is to go whose path has empty, `.` or `..` segments, as Go's router says; else undefined. */
export function cleanUrl(url: string): string | undefined {
  const [path = '', ...query] = url.split('?');
  if (!path.startsWith('/') || !/\/(\/|\.\.?(\/|$))/.test(path)) return undefined;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const end = path.endsWith('/') && segments.length > 0 ? '/' : '';
  return [`/${segments.join('/')}${end}`, ...query].join('?');
}

/** Takes a request's URL (origin or absolute form) apart. */
export function parseTarget(url: string): RequestTarget {
  const origin = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '');
  const mark = origin.indexOf('?');
  const path = mark < 0 ? origin : origin.slice(0, mark);
  const query = mark < 0 ? '' : origin.slice(mark + 1);
  const version = path.startsWith('/v') ? VERSION.exec(path)?.[1] : undefined;
  return version === undefined ? { path, query } : { version, path: path.slice(version.length + 2), query };
}

/**
 * A parameter of a query as the bytes that were escaped; undefined if it is not given. `URLSearchParams` loses those that
 * are no UTF-8.
 */
export function queryBytes(query: string, name: string): Buffer | undefined {
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals) !== name) continue;
    const text = part.slice(equals + 1).replaceAll('+', ' ');
    return Buffer.from(
      text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    );
  }
  return undefined;
}
