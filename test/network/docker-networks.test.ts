/** Networks that users create, by Docker's command line on this engine and on Docker: the same answers. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { until } from '#base/testing.ts';
import { linkPrefix } from '../../src/network/veth-pairs.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, importBusybox } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import type { Subject } from '../support/subject.ts';

/** Command lines in their order, `~` for a space within a word; the answers of each are compared. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  'create, list, inspect, remove': [
    'network create front',
    'network create front',
    'network create --subnet 10.81.0.0/24 --gateway 10.81.0.254 --ip-range 10.81.0.128/25 --aux-address router=10.81.0.5 --label tier=back --attachable --internal back',
    'network create -o com.docker.network.bridge.name=cstq0 -o com.docker.network.driver.mtu=1400 -o com.docker.network.bridge.enable_icc=false -o other=thing --subnet 10.82.0.0/16 opts',
    'network ls --format {{.Name}}:{{.Driver}}:{{.Scope}}:{{.Internal}}:{{.Labels}}',
    'network ls --filter label=tier --format {{.Name}}',
    'network ls --filter name=on --format {{.Name}}',
    'network inspect back',
    'network inspect opts',
    'network inspect nope',
    'network rm front back opts nope',
    'network rm bridge',
    'network ls --format {{.Name}}',
  ],
  'what is refused': [
    'network create -d host other',
    'network create -d null other',
    'network create bridge',
    'network create host',
    'network create --subnet 10.83.0.0/33 x',
    'network create --subnet 10.83.0.1/24 x',
    'network create --subnet 10.83.0.0/24 --gateway 10.84.0.1 x',
    'network create --subnet 10.83.0.0/24 --ip-range 10.84.0.0/25 x',
    'network create --subnet 10.83.0.0/24 --aux-address a=10.84.0.7 x',
    'network create --subnet 10.83.0.0/24 --subnet 10.83.0.0/16 x',
    'network create --subnet 10.83.0.0/24 --subnet 10.85.0.0/24 x',
    'network create --gateway 10.83.0.1 x',
    'network create -o com.docker.network.bridge.enable_icc=maybe x',
    'network create -o com.docker.network.driver.mtu=much x',
    'network create -o com.docker.network.bridge.host_binding_ipv4=nope x',
    'network create -o com.docker.network.bridge.name=abcdefghijklmnopqrst x',
    'network create --subnet 10.83.0.0/24 one',
    'network create --subnet 10.83.0.0/16 two',
    'network ls --filter driver=bridge --format {{.Name}}',
    'network rm one',
  ],
  'addresses and aliases of running containers': [
    'network create --subnet 10.91.0.0/24 a',
    'network create --subnet 10.92.0.0/24 b',
    'run -d --name one --network a --ip 10.91.0.77 --network-alias uno bb sleep 600',
    'run -d --name two --network a bb sleep 600',
    'inspect -f {{json.NetworkSettings.Networks.a.IPAMConfig}}:{{.NetworkSettings.Networks.a.IPAddress}} one',
    'inspect -f {{.NetworkSettings.Networks.a.IPAddress}}:{{.NetworkSettings.IPAddress}}:{{.HostConfig.NetworkMode}} two',
    'exec two ping -c 1 -W 2 -q one',
    'exec two ping -c 1 -W 2 -q uno',
    'exec two ping -c 1 -W 2 -q uno.a',
    'exec one ping -c 1 -W 2 -q two',
    'network connect --alias zwei b two',
    'network connect b two',
    'network connect b one --ip 10.92.0.9',
    'exec one sh -c echo~10.9.9.9~mine>>/etc/hosts',
    'exec one cat /etc/hosts',
    'exec one ping -c 1 -W 2 -q zwei',
    'exec two ip -4 -o addr show eth1',
    'exec one ip route',
    'inspect -f {{range$k,$v:=.NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}},{{$v.Gateway}};{{end}} one',
    'network inspect -f {{len.Containers}} b',
    'network rm a',
    'network disconnect a one',
    'exec one tail -n 2 /etc/hosts',
    'exec one ip route',
    'network disconnect a one',
    'network disconnect nope one',
    'network disconnect a nope',
    'network connect a nope',
    'network connect nope one',
    'network connect host one',
    'network connect none one',
    'network connect --ip 10.91.0.200 a one',
    'network disconnect a one',
    'restart -t 0 one',
    'inspect -f {{range$k,$v:=.NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}},{{$v.Gateway}};{{end}} one',
    'network disconnect a one',
    'network connect --ip 10.99.0.200 a one',
    'network connect --ip 10.91.0.2 a one',
    'stop -t 0 two',
    'inspect -f {{range$k,$v:=.NetworkSettings.Networks}}{{$k}};{{end}} two',
    'network disconnect a two',
    'network connect a two',
    'network disconnect b two',
    'settle 1',
    'start two',
    'inspect -f {{range$k,$v:=.NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}};{{end}} two',
    'rm -f one two',
    'network rm a b',
  ],
  'of containers that do not run': [
    'network create --subnet 10.93.0.0/24 net3',
    'create --name later bb sleep 600',
    'network connect net3 later',
    'network connect net3 later',
    'inspect -f {{range$k,$v:=.NetworkSettings.Networks}}{{$k}};{{end}}:{{.HostConfig.NetworkMode}} later',
    'network disconnect bridge later',
    'start later',
    'exec later ip -o -4 addr show eth0',
    'network disconnect net3 later',
    'exec later ip -o link show up',
    'stop -t 0 later',
    'start later',
    'exec later ip -o link show up',
    'inspect -f {{json.NetworkSettings.Networks}}:{{.HostConfig.NetworkMode}} later',
    'network connect net3 later',
    'exec later ip -o -4 addr show eth0',
    'rm -f later',
    'run -d --name host --network host bb sleep 600',
    'network connect net3 host',
    'network disconnect host host',
    'run -d --name shared --network container:host bb sleep 600',
    'network connect net3 shared',
    'run -d --name none --network none bb sleep 600',
    'network connect net3 none',
    'network disconnect none none',
    'network connect net3 none',
    'exec none ip -o -4 addr show eth0',
    'rm -f host shared none',
    'create --name gone --network net3 bb true',
    'network rm net3',
    'start gone',
    'network disconnect -f net3 gone',
    'inspect -f {{json.NetworkSettings.Networks}} gone',
    'rm gone',
    'create --name never --network nope bb true',
    'rm -f never',
    'run --rm --network-alias x bb true',
  ],
  IPv6: [
    'network create --ipv6 --subnet 10.99.0.0/24 --subnet fd00:99::/64 six',
    'run -d --name s1 --network six --ip6 fd00:99::77 bb sleep 600',
    'run -d --name s2 --network six bb sleep 600',
    'exec s2 ip -6 -o addr show dev eth0 scope global',
    'exec s2 ping -6 -c 1 -W 2 -q s1',
    'inspect -f {{with.NetworkSettings.Networks.six}}{{.GlobalIPv6Address}}/{{.GlobalIPv6PrefixLen}},{{.IPv6Gateway}}{{end}} s1',
    'exec s1 cat /etc/hosts',
    'network inspect -f {{.EnableIPv6}}{{json.IPAM.Config}} six',
    'network disconnect six s1',
    'exec s1 cat /etc/hosts',
    'network connect --ip6 fd00:99::78 six s1',
    'rm -f s1 s2',
    'network create --ipv6 --subnet fd00:98::/64 --gateway fd00:97::1 x',
    'network rm six',
  ],
  links: [
    'run -d --name m1 -e COLOR=red -e MODE --expose 6379 --expose 80-81 --expose 53/udp bb sleep 600',
    'run -d --name m2 --link m1:data-base --link m1 -e M1_NAME=own bb sleep 600',
    'exec m2 cat /etc/hosts',
    'exec m2 sh -c env|grep~-v~^HOSTNAME|sort',
    'exec m2 ping -c 1 -q data-base',
    'inspect -f {{json.HostConfig.Links}} m2',
    'ps --no-trunc --format {{.Names}} --filter name=m1',
    'ps --format {{.Names}}',
    'stop -t 0 m1',
    'settle 1',
    'run -d --name between bb sleep 600',
    'start m1',
    'exec m2 ping -c 1 -q data-base',
    'exec m2 cat /etc/hosts',
    'rm --link m2/data-base',
    'rm --link m2/nope',
    'rm --link m2',
    'inspect -f {{json.HostConfig.Links}} m2',
    'create --link nope:x bb true',
    'create --link a:b:c bb true',
    'stop -t 0 m1 m2',
    'start m2',
    'rm -f m1 between',
    'start m2',
    'rm -f m2',
    'network create --subnet 10.98.0.0/24 net5',
    'run -d --name m1 --network net5 bb sleep 600',
    'run -d --name m2 --network net5 --link m1:db bb sleep 600',
    'run -d --name m3 --network net5 bb sleep 600',
    'exec m2 ping -c 1 -q db',
    'exec m3 ping -c 1 -q db',
    'inspect -f {{json.NetworkSettings.Networks.net5.Links}}{{json.HostConfig.Links}} m2',
    'rm -f m1 m2 m3',
    'network rm net5',
  ],
  'where ports are published': [
    'network create -o com.docker.network.bridge.host_binding_ipv4=10.86.0.1 --subnet 10.86.0.0/24 near',
    'run -d --name p1 --network near -p 18086:80 bb sleep 600',
    'port p1',
    'network disconnect near p1',
    'port p1',
    'rm -f p1',
    'network rm near',
  ],
  'isolation, internal networks, no talk': [
    'network create --subnet 10.94.0.0/24 d',
    'network create --subnet 10.95.0.0/24 e',
    'network create --subnet 10.96.0.0/24 --internal inner',
    'network create --subnet 10.97.0.0/24 -o com.docker.network.bridge.enable_icc=false silent',
    'run -d --name d1 --network d --ip 10.94.0.10 bb sleep 600',
    'run -d --name e1 --network e --ip 10.95.0.10 bb sleep 600',
    'run -d --name i1 --network inner --ip 10.96.0.10 bb sleep 600',
    'run -d --name i2 --network inner --ip 10.96.0.11 bb sleep 600',
    'run -d --name s1 --network silent --ip 10.97.0.10 bb sleep 600',
    'run -d --name s2 --network silent --ip 10.97.0.11 bb sleep 600',
    'exec d1 ping -c 1 -W 1 -q e1',
    'exec i1 ping -c 1 -W 1 -q i2',
    'exec i1 ip route',
    'rm -f d1 e1 i1 i2 s1 s2',
    'network rm d e silent',
    'network prune -f',
    'network ls --format {{.Name}}',
  ],
};

/** The address of the default bridge, which no other test uses. */
const BRIDGE = '10.60.0.1/16';

/** Where we do not say what Docker 26 says: newer versions of it do, or ours says more. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'network create --subnet 10.83.0.0/24 --subnet 10.85.0.0/24 x':
    '1\nError response from daemon: Cannot create network x: a bridge has one subnet of a family',
  'network create -o com.docker.network.bridge.name=abcdefghijklmnopqrst x':
    '1\nError response from daemon: invalid bridge name "abcdefghijklmnopqrst": not a name of a link',
  'network create --subnet 10.83.0.0/16 two':
    '1\nError response from daemon: invalid pool request: Pool overlaps with other one on this address space',
  'network rm a':
    '1\nError response from daemon: error while removing network: network a has active endpoints (one, two)',
  // Docker takes the line of the other network away, too.
  'exec one tail -n 2 /etc/hosts': '0\n10.92.0.9\tSHORT\n10.9.9.9 mine',
  'network connect --ip 10.99.0.200 a one':
    '1\nError response from daemon: invalid endpoint settings:\nno configured subnet contains IP address 10.99.0.200',
};

/** Fields that Docker 26 does not have yet: whether a network has IPv4, and the gateway that nobody asked for. */
function withoutNewFields(text: string): string {
  return text.replaceAll(/ +"EnableIPv4": true,\n/g, '').replaceAll(/,\n +"Gateway": "10.82.0.1"/g, '');
}

/** Lines of `/etc/hosts` that follow one another with one address. Docker writes and shows links in any order. */
const SAME_ADDRESS = /^([\d.]+)\t.*(?:\n\1\t.*)+$/gm;

/** `HostConfig.Links` as JSON. */
const SHOWN_LINKS = /(?<=^\[)"\/[^\]]*(?=\]$)/gm;

const sorted = (list: string, separator: string) => list.split(separator).toSorted().join(separator);

/** What differs from one engine to the next without meaning anything. */
function normalize(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'ID')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'SHORT')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/g, 'TIME')
    .replaceAll(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC')
    .replaceAll(/eth(\d)@if\d+/g, 'eth$1')
    .replaceAll(/^\d+: (?=eth|lo)/gm, 'N: ')
    .replaceAll(/round-trip.*$/gm, 'round-trip')
    .replaceAll(SAME_ADDRESS, (lines) => sorted(lines, '\n'))
    .replaceAll(SHOWN_LINKS, (links) => sorted(links, ','))
    .trim();
}

/** Waits until so many links of our engine are left: the addresses of the others are free then. */
async function settle(engine: Subject, count: number): Promise<void> {
  if (!(engine instanceof TestDaemon)) return;
  const prefix = linkPrefix(engine.bridge);
  const links = () => readdirSync('/sys/class/net').filter((name) => name.startsWith(prefix)).length;
  await until(
    () => links() === count,
    () => `${count} links, of ${links()}`,
  );
}

async function answers(engine: Subject, lines: readonly string[]): Promise<readonly string[]> {
  const all: string[] = [];
  for (const line of lines) {
    const [word, count] = line.split(' ');
    if (word === 'settle') {
      await settle(engine, Number(count));
      all.push('');
      continue;
    }
    const { exitCode, stdout, stderr } = await docker(
      engine,
      line.split(' ').map((word) => word.replaceAll('~', ' ')),
    );
    all.push(normalize(`${line}\n${exitCode}\n${stdout}${stderr}`));
  }
  return all;
}

describe('networks by docker’s command line, beside Docker', {
  skip: !DockerDaemon.isInstalled && 'dockerd is not installed',
}, () => {
  let ours: TestDaemon;
  let theirs: DockerDaemon;

  before(async () => {
    [ours, theirs] = await Promise.all([
      TestDaemon.start('--network-pool', '2', '--bip', BRIDGE),
      DockerDaemon.start({ bip: BRIDGE }, { network: 'own' }),
    ]);
    await Promise.all([importBusybox(ours), importBusybox(theirs)]);
  });

  after(async () => {
    await Promise.all([ours?.[Symbol.asyncDispose](), theirs?.[Symbol.asyncDispose]()]);
  });

  for (const [name, lines] of Object.entries(SCRIPTS)) {
    test(name, async () => {
      const [own, their] = await Promise.all([answers(ours, lines), answers(theirs, lines)]);
      for (const [index, line] of lines.entries()) {
        const expected = DIFFERENCES[line];
        if (expected === undefined) assert.equal(withoutNewFields(own[index] ?? ''), their[index]);
        else assert.equal(own[index], `${line}\n${expected}`);
      }
    });
  }
});
