import type { Context } from './context.ts';
import { type ProxyConfig, readDockerConfig } from './docker-config.ts';

const VARIABLES: readonly (readonly [key: keyof ProxyConfig, variable: string])[] = [
  ['httpProxy', 'HTTP_PROXY'],
  ['httpsProxy', 'HTTPS_PROXY'],
  ['ftpProxy', 'FTP_PROXY'],
  ['noProxy', 'NO_PROXY'],
  ['allProxy', 'ALL_PROXY'],
];

/**
 * What the configuration's `proxies` add to `given` (`NAME=value`, or a name alone): each variable in capitals and in
 * small letters, unless it is given. The entry of the engine's own address comes before the one named `default`.
 */
export function proxyVariables(context: Context, given: readonly string[]): readonly string[] {
  const { proxies } = readDockerConfig(context);
  if (!proxies) return [];
  const config = proxies[context.client.host] ?? proxies['default'];
  if (!config) return [];
  const names = new Set(given.map((pair) => pair.split('=', 1)[0]));
  return VARIABLES.flatMap(([key, name]) => {
    const value = config[key];
    if (!value) return [];
    return [name, name.toLowerCase()].filter((each) => !names.has(each)).map((each) => `${each}=${value}`);
  });
}
