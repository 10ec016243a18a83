import type { RegistryErrorReason } from '#registry/registry-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

export const REGISTRY_ENTRIES: DockerEntries<RegistryErrorReason> = {
  // Go's HTTP client names the request in front of what its transport says.
  'registry-wants-credentials': {
    message: ({ details: { url } }) => `${url ? `Head "${url}": ` : ''}no basic auth credentials`,
  },
  'registry-refuses-credentials': { message: () => 'unauthorized: authentication required' },
  'login-refused': {
    message: ({ details }) => `login attempt to ${details['url']} failed with status: 401 Unauthorized`,
  },
  'token-server-invalid': 'plain',
  // The engine is there: a client that waits for it has nothing to wait for.
  'registry-unreachable': { status: 500 },
  'download-cut-off': 'plain',
  'blob-size-differs': 'plain',
  'too-many-redirects': 'plain',
  'redirect-refused': 'plain',
  'upload-without-place': 'plain',
  'registry-answer-too-large': 'plain',
  'registry-answer-invalid': 'plain',
  'certificates-incomplete': 'plain',
  'mirror-invalid': 'plain',
  'registry-denies': 'plain',
  'registry-unauthorized': 'plain',
  'registry-lacks': 'plain',
  'registry-limits': 'plain',
  'registry-lacks-method': 'plain',
  'registry-fails': 'plain',
  'registry-rejects': 'plain',
};
