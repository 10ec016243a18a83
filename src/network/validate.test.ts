import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTo, type NetworkAttachment } from './attachment.ts';
import { validateRequest } from './validate.ts';

const NOTHING = { attachments: [], extraHosts: [], dnsServers: [] };

function onBridge(attachment: Partial<NetworkAttachment>) {
  const attachments = [{ ...attachTo('bridge'), ...attachment }];
  return () => validateRequest({ ...NOTHING, attachments }, 'bridge');
}

test('what the CLI sends by default passes', () => {
  onBridge({})();
  onBridge({ macAddress: '02:42:ac:11:00:09' })();
});

test('the default bridge takes neither addresses nor aliases', () => {
  assert.throws(onBridge({ ipv4Address: '172.17.0.99' }), {
    code: 'invalid',
    reason: 'attachment-invalid',
    details: {
      problem:
        'invalid endpoint settings:\n' +
        '* user specified IP address is supported on user defined networks only\n' +
        '* user specified IP address is supported only when connecting to networks with user configured subnets',
    },
  });
  assert.throws(onBridge({ aliases: ['x'] }), {
    details: {
      problem:
        'invalid endpoint settings:\n' +
        'network-scoped alias is supported only for containers in user defined networks',
    },
  });
  assert.throws(onBridge({ macAddress: 'zz' }), { details: { problem: 'invalid MAC address zz' } });
  onBridge({ network: 'front', ipv4Address: '10.0.0.9', aliases: ['x'] })();
});

test('hosts and servers are looked at whatever the network', () => {
  validateRequest({ ...NOTHING, attachments: [attachTo('no-such-network')] }, 'bridge');
  const withHost = { ...NOTHING, extraHosts: ['x'] };
  assert.throws(() => validateRequest(withHost, 'bridge'), { reason: 'extra-host-malformed' });
  const withServer = { ...NOTHING, dnsServers: ['1.2.3'] };
  assert.throws(() => validateRequest(withServer, 'bridge'), { reason: 'nameserver-invalid' });
});
