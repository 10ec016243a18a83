import { errorTable } from '#base/error-table.ts';

/** What the registry says, in its own words. */
const itsWords = ({ details }: { readonly details: Readonly<Record<string, string | number>> }) =>
  String(details['answer']);

/** The errors of registries. The subject is a host. Those of the second group are what a registry answers. */
export const REGISTRY_ERRORS = errorTable({
  'registry-wants-credentials': [
    'unauthorized',
    ({ subject }) =>
      `Cannot authenticate at ${subject}: it asks for a name and a password, and none are known`,
  ],
  'registry-refuses-credentials': [
    'unauthorized',
    ({ subject }) => `Cannot authenticate at ${subject}: it refuses the credentials`,
  ],
  'login-refused': [
    'unauthorized',
    ({ subject }) => `Cannot log in to ${subject}: it refuses the credentials`,
  ],
  'token-server-invalid': [
    'invalid',
    ({ details }) =>
      `Cannot authenticate: the registry names the token server ${JSON.stringify(details['realm'])}`,
  ],
  'registry-unreachable': [
    'unavailable',
    ({ subject, details }) => `Cannot reach registry ${subject}: ${details['problem']}`,
  ],
  'download-cut-off': [
    'unavailable',
    ({ details }) => `Cannot download blob ${details['digest']}: it was cut off`,
  ],
  'blob-size-differs': [
    'invalid',
    ({ details }) =>
      `Cannot download blob ${details['digest']}: the registry sends ${details['actual']} bytes where the manifest says ${details['expected']}`,
  ],
  'too-many-redirects': [
    'invalid',
    ({ details }) => `Cannot ${details['action']}: stopped after ${details['maximum']} redirects`,
  ],
  'redirect-refused': [
    'invalid',
    ({ subject, details }) =>
      `Cannot follow registry ${subject}: it redirects to ${JSON.stringify(details['location'])}`,
  ],
  'upload-without-place': [
    'invalid',
    ({ subject }) => `Cannot upload to ${subject}: it does not say where to`,
  ],
  'registry-answer-too-large': [
    'invalid',
    ({ subject, details }) =>
      `Cannot read ${details['path']} from ${subject}: larger than ${details['maximumBytes']} bytes`,
  ],
  'registry-answer-invalid': [
    'invalid',
    ({ subject, details }) => `Cannot use ${details['what']} of ${subject}: ${details['problem']}`,
  ],
  'certificates-incomplete': [
    'invalid',
    ({ details }) =>
      `Cannot use certificates in ${details['directory']}: ${details['file']} has no ${details['missing']} of the same name beside it`,
  ],
  'mirror-invalid': [
    'invalid',
    ({ subject }) => `Cannot use registry mirror ${JSON.stringify(subject)}: not an http or https URL`,
  ],

  'registry-denies': ['forbidden', itsWords],
  'registry-unauthorized': ['unauthorized', itsWords],
  'registry-lacks': ['not-found', itsWords],
  'registry-limits': ['exhausted', itsWords],
  'registry-lacks-method': ['not-implemented', itsWords],
  'registry-fails': ['unavailable', itsWords],
  'registry-rejects': ['invalid', itsWords],
});

export type RegistryErrorReason = keyof typeof REGISTRY_ERRORS;
