/** GET, with redirects and the daemon's proxies (HTTP_PROXY, HTTPS_PROXY, NO_PROXY; not for loopback, as in Go). */
import type { IncomingMessage } from 'node:http';
import { EngineError, messageOf } from '#base/errors.ts';
import { http, https } from '#base/node-http.ts';
import { isLoopbackHost } from './loopback.ts';

const MAXIMUM_REDIRECTS = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** For nothing to move on a connection. */
const STALL_MS = 60_000;

/**
 * The answer, whatever its status; the caller reads it to its end, or destroys it. Passwords of the URL go to its own
 * host only.
 *
 * @throws {EngineError} `unavailable`
 */
export async function openUrl(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const first = new URL(url);
  let next = first;
  for (let hops = 0; hops <= MAXIMUM_REDIRECTS; hops++) {
    const own = next.host === first.host ? credentialsOf(first) : {};
    const response = await exchange(next, { ...headers, ...own }, signal);
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    next = redirected(next, location);
  }
  throw new EngineError('unavailable', `Cannot fetch ${withoutPassword(url)}: too many redirects`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to?.protocol === 'http:' || to?.protocol === 'https:') return to;
  const text = `Cannot fetch ${withoutPassword(from.href)}: redirected to ${JSON.stringify(location)}`;
  throw new EngineError('unavailable', text);
}

async function exchange(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const proxies = isLoopbackHost(url.hostname) ? {} : { proxyEnv: process.env };
  const { request, Agent } = url.protocol === 'https:' ? https() : http;
  const agent = new Agent(proxies);
  const address = new URL(url);
  address.username = '';
  address.password = '';
  const sent = request(address, { agent, headers: { 'user-agent': 'caisson', ...headers }, signal });
  sent.setTimeout(STALL_MS, () => sent.destroy(new Error(`nothing came for ${STALL_MS / 1000} s`)));
  sent.once('response', resolve);
  // Later errors of the body reach its reader.
  sent.on('error', reject);
  sent.end();
  try {
    return await promise;
  } catch (cause) {
    signal.throwIfAborted();
    const text = `Cannot fetch ${withoutPassword(url.href)}: ${messageOf(cause)}`;
    throw new EngineError('unavailable', text, { cause });
  }
}

function credentialsOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const pair = `${decoded(username)}:${decoded(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Without its percent signs; as it is where they are none. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** For messages. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = 'xxxxx';
  return parsed.href;
}
