/** What the identifiers of sources say. */
import { EngineError } from '#base/errors.ts';
import { isDigest } from '#oci/digest.ts';
import { layoutName } from '../bases/layout-image.ts';
import type { GitTree } from '../definition/vertex.ts';
import { cleanDirectory } from '../remote/git-url.ts';
import type { SourceWork } from './graph.ts';

/** `NAME@DIGEST`, in a store that the client has. @throws {EngineError} `invalid` without a digest */
export function nameInLayout(reference: string, store = ''): string {
  const [name = '', digest = ''] = reference.split('@');
  if (!isDigest(digest))
    throw new EngineError('invalid', `Cannot use OCI layout ${reference}: it has no digest`);
  return layoutName({ kind: 'oci-layout', directory: store || name, digest });
}

/** `host/path#ref:directory`. */
export function gitTree(text: string, attrs: SourceWork['attributes']): GitTree {
  const [remote = '', ...fragment] = text.split('#');
  const [ref = '', ...directory] = fragment.join('#').split(':');
  const isWhole = /^[a-z+]+:\/\//.test(remote) || /^[\w.-]+@[\w.-]+:/.test(remote);
  const [sshAgent, knownHosts] = [attrs.get('git.mountsshsock'), attrs.get('git.knownsshhosts')];
  return {
    kind: 'git',
    url: attrs.get('git.fullurl') || (isWhole ? remote : `https://${remote}`),
    ref,
    directory: cleanDirectory(directory.join(':')),
    keepGitDirectory: attrs.get('git.keepgitdir') === 'true',
    ...(sshAgent !== undefined && sshAgent !== '' && { sshAgent }),
    ...(knownHosts !== undefined && knownHosts !== '' && { knownHosts }),
    tokenSecret: attrs.get('git.authtokensecret') ?? '',
    headerSecret: attrs.get('git.authheadersecret') ?? '',
  };
}
