/** The errors of starting an engine, of what it leaves, and of the library's own calls: no request to the API meets them. */
import { defineErrors, errorTable } from '#base/error-table.ts';

const ENGINE_ERRORS = errorTable({
  'runtime-not-installed': [
    'unavailable',
    ({ subject }) => `Cannot start: the OCI runtime ${subject} is not installed; run 'npm run setup'`,
  ],
  'no-run-directory': [
    'invalid',
    ({ subject }) => `Cannot clean up ${subject}: no engine has had it as its run directory`,
  ],
  'run-directory-held': [
    'conflict',
    ({ subject, details }) =>
      `Cannot clean up ${subject}: an engine has it (${details['holder']}); stop that first`,
  ],
  'containers-run-on': [
    'conflict',
    ({ subject, details }) =>
      `Cannot clean up ${subject}: ${details['processes']} processes of containers run on in it; ` +
      'start caissond and remove those containers, or kill them with --kill',
  ],
  'mount-path-relative': ['invalid', ({ subject }) => `Cannot mount ${subject}: not an absolute path`],
  'line-not-written': [
    'conflict',
    ({ subject, details }) =>
      `Cannot find ${details['pattern']} in what ${subject} writes: it has ended, and ${details['said']}`,
  ],
  'port-not-published': [
    'not-found',
    ({ subject, details }) => `Cannot reach port ${details['port']} of ${subject}: it is not published`,
  ],
});

export const engineError = defineErrors(ENGINE_ERRORS);
