import type { NetworkErrorReason } from '#network/network-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

export const NETWORK_ENTRIES: DockerEntries<NetworkErrorReason> = {
  'no-such-network': { message: ({ subject }) => `network ${subject} not found` },
  'network-ambiguous': {
    message: ({ subject, details }) =>
      `network ${subject} is ambiguous (${details['matches']} matches found based on ID prefix)`,
  },
  'network-name-invalid': 'plain',
  'network-predefined': {
    message: ({ subject }) => `operation is not permitted on predefined ${subject} network`,
  },
  'network-exists': { message: ({ subject }) => `network with name ${subject} already exists` },
  'network-built-in': {
    message: ({ subject }) => `${subject} is a pre-defined network and cannot be removed`,
  },
  'network-in-use': {
    status: 403,
    message: ({ subject, details }) =>
      `error while removing network: network ${subject} has active endpoints (${details['members']})`,
  },
  'no-free-subnet': { message: () => 'all predefined address pools have been fully subnetted' },
  'subnet-in-use': {
    status: 403,
    message: () => 'invalid pool request: Pool overlaps with other one on this address space',
  },
  'subnet-invalid': 'plain',
  'addresses-exhausted': {
    message: ({ details }) =>
      `no available ${details['family']} addresses on this network's address pools: ${details['subnet']}`,
  },
  'address-in-use': { message: () => 'Address already in use' },
  'address-outside': {
    message: ({ details }) =>
      `invalid endpoint settings:\nno configured subnet contains IP address ${details['address']}`,
  },
  'link-in-the-way': 'plain',
  'network-stands-alone': {
    message: ({ subject, details }) =>
      `container cannot be connected to network ${details['other']} besides ${subject}`,
  },
  'attachment-invalid': {
    message: ({ subject, details }) => `invalid config for network ${subject}: ${details['problem']}`,
  },
  'already-connected': {
    message: ({ subject, details }) =>
      `endpoint with name ${details['name']} already exists in network ${subject}`,
  },
  'network-damaged': 'plain',
  'not-connected': {
    message: ({ subject, details }) => `container ${details['name']} is not connected to network ${subject}`,
  },
  'no-such-sandbox': { message: ({ subject }) => `container ${subject} is not running` },
  'publish-failed': {
    status: 500,
    message: ({ details }) =>
      `driver failed programming external connectivity on endpoint ${details['endpoint']}: ${details['problem']}`,
  },
  'nameserver-invalid': { message: ({ subject }) => `invalid nameserver address: "${subject}"` },
  'extra-host-malformed': { message: ({ subject }) => `bad format for add-host: "${subject}"` },
  'no-host-gateway': {
    message: () => 'unable to derive the IP value for host-gateway',
  },
  'extra-host-address': { message: ({ subject }) => `invalid IP address in add-host: "${subject}"` },
  'sysctl-name-invalid': { message: ({ subject }) => `invalid sysctl name: "${subject}"` },
  'sysctl-refused': 'plain',
};
