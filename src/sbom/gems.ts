/** Ruby's gems: specifications that RubyGems writes when it installs one. */
import { textSource } from './package-file.ts';
import { packageUrl } from './package-url.ts';

const PATH = /(?:^|\/)specifications\/(?:default\/)?[^/]+\.gemspec$/;

export const GEMS = textSource(PATH, 1 << 20, (text, source) => {
  const [name, version] = [attribute(text, 'name'), attribute(text, 'version')];
  if (name === undefined || version === undefined) return [];
  const [, license = ''] = /^\s*s\.licenses = \["([^"]+)"/m.exec(text) ?? [];
  return [{ name, version, purl: packageUrl({ type: 'gem', name, version }), license, source }];
});

function attribute(text: string, name: string): string | undefined {
  return new RegExp(String.raw`^\s*s\.${name} = "([^"]+)"`, 'm').exec(text)?.[1];
}
