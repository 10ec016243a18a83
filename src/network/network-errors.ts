import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of networks. The subject is the name of a network or of a container; ports are said in `details`. */
const NETWORK_ERRORS = errorTable({
  'no-such-network': ['not-found', ({ subject }) => `Cannot find network ${subject}: there is none`],
  'network-ambiguous': [
    'invalid',
    ({ subject, details }) =>
      `Cannot choose network ${subject}: the ids of ${details['matches']} networks start so`,
  ],
  'network-name-invalid': [
    'invalid',
    ({ subject }) =>
      `Cannot create network ${JSON.stringify(subject)}: a name begins with no space, and has no "/" and no line breaks`,
  ],
  'network-predefined': [
    'forbidden',
    ({ subject }) => `Cannot create network ${subject}: the engine has one of that name itself`,
  ],
  'network-exists': ['conflict', ({ subject }) => `Cannot create network ${subject}: there is one already`],
  'network-built-in': ['forbidden', ({ subject }) => `Cannot remove network ${subject}: the engine needs it`],
  'network-in-use': [
    'conflict',
    ({ subject, details }) => `Cannot remove network ${subject}: on it are ${details['members']}`,
  ],
  'no-free-subnet': [
    'exhausted',
    () => 'Cannot choose a subnet: this host uses a part of each default address pool; name one (--subnet)',
  ],
  'subnet-in-use': [
    'conflict',
    ({ subject, details }) => `Cannot use subnet ${details['subnet']} for network ${subject}: it is in use`,
  ],
  'subnet-invalid': [
    'invalid',
    ({ subject, details }) => `Cannot create network ${subject}: ${details['problem']}`,
  ],
  'addresses-exhausted': [
    'exhausted',
    ({ details }) => `Cannot give an address of ${details['subnet']}: every one is in use`,
  ],
  'address-in-use': ['conflict', ({ details }) => `Cannot use address ${details['address']}: it is in use`],
  'address-outside': [
    'invalid',
    ({ details }) => `Cannot use address ${details['address']}: it is not in ${details['subnet']}`,
  ],
  'link-in-the-way': [
    'conflict',
    ({ subject, details }) =>
      `Cannot use link ${details['link']} as bridge of network ${subject}: the host has a link of that name already; ` +
      'choose another name',
  ],
  'network-stands-alone': [
    'invalid',
    ({ subject, details }) =>
      `Cannot connect a container to network ${subject} besides ${details['other']}: one of them stands alone`,
  ],
  'attachment-invalid': [
    'invalid',
    ({ subject, details }) => `Cannot connect a container to network ${subject}: ${details['problem']}`,
  ],
  'already-connected': [
    'forbidden',
    ({ subject, details }) => `Cannot connect ${details['name']} to network ${subject}: it is on it already`,
  ],
  'network-damaged': [
    'unavailable',
    ({ subject, details: { damage } }) =>
      `Cannot use network ${subject}: its record is damaged (${damage}); remove it (network rm), and create it again`,
  ],
  'not-connected': [
    'forbidden',
    ({ subject, details }) => `Cannot disconnect ${details['name']} from network ${subject}: it is not on it`,
  ],
  'no-such-sandbox': [
    'conflict',
    ({ subject }) => `Cannot change the network of ${subject}: it does not run`,
  ],
  'publish-failed': [
    'conflict',
    ({ subject, details }) => `Cannot publish the ports of ${subject}: ${details['problem']}`,
  ],
  'nameserver-invalid': [
    'invalid',
    ({ subject }) => `Cannot use name server ${JSON.stringify(subject)}: not an IP address`,
  ],
  'extra-host-malformed': [
    'invalid',
    ({ subject }) => `Cannot add host ${JSON.stringify(subject)}: not of the form name:address`,
  ],
  'no-host-gateway': [
    'invalid',
    ({ subject }) =>
      `Cannot add host ${subject} as host-gateway: there is no default bridge; give --host-gateway-ip to the engine`,
  ],
  'extra-host-address': [
    'invalid',
    ({ subject }) => `Cannot add host with address ${JSON.stringify(subject)}: not an IP address`,
  ],
  'sysctl-name-invalid': [
    'invalid',
    ({ subject }) => `Cannot set sysctl ${JSON.stringify(subject)}: no such name`,
  ],
  'sysctl-refused': [
    'invalid',
    ({ subject, details }) =>
      `Cannot set sysctl ${subject} to ${JSON.stringify(details['value'])}: ${details['problem']}`,
  ],
});

export type NetworkErrorReason = keyof typeof NETWORK_ERRORS;

export const networkError = defineErrors(NETWORK_ERRORS);
