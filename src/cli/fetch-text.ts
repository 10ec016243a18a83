import type { Client, Query } from '#client/client.ts';

/** The answer to a GET as the text it came in: digits and the order of keys are kept. */
export async function fetchText(client: Client, path: string, query: Query = {}): Promise<string> {
  const response = await client.request({ method: 'GET', path, query });
  return (await response.body.all()).toString('utf8');
}
