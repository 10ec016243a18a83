/** What reads requests, files and messages: each is given its samples, changed. */
import { parseDetachKeys } from '#base/detach-keys.ts';
import { tryParseDuration } from '#base/durations.ts';
import { parseIp } from '#base/ip-address.ts';
import { parseInterfaceAddress, parsePrefix } from '#base/ip-prefix.ts';
import { compilePattern } from '#base/pattern.ts';
import { parseHostPorts, tryParsePorts } from '#base/ports.ts';
import { resolveTimestamp } from '#base/timestamps.ts';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { expandInstruction } from '#dockerfile/expand-instruction.ts';
import { DnsFrames } from '../../src/network/dns-frames.ts';
import {
  composeResponse,
  encodeName,
  fitUdp,
  parseQuery,
  ResponseCode,
  reverseAddress,
} from '../../src/network/dns-message.ts';
import { globPattern } from '#oci/glob.ts';
import { compileIgnore, parseIgnoreFile } from '#oci/ignore.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { decodeIndex, decodeManifest } from '#oci/manifest.ts';
import { parsePlatform } from '#oci/platform.ts';
import { familiarReference, parseReference } from '#oci/reference.ts';
import { parseChallenges } from '#registry/challenge.ts';
import { parseCsvRecord } from '#syntax/csv-record.ts';
import { parseMemorySize } from '#syntax/memory-size.ts';
import { parseMount } from '#syntax/mount.ts';
import { parseExpose, parsePublish } from '#syntax/publish.ts';
import { parseVolumeText } from '#syntax/volume.ts';
import { decodeBuildRequest } from '#wire/build-request.ts';
import { decodeCommitConfig } from '#wire/decode-commit.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { decodeExecRequest, decodeExecStart } from '#wire/decode-exec.ts';
import { decodeNetworkConnect, decodeNetworkCreate, decodeNetworkDisconnect } from '#wire/decode-network.ts';
import { decodeUpdateRequest } from '#wire/decode-update.ts';
import { decodeVolumeRequest } from '#wire/decode-volume.ts';
import { parseFilters } from '#wire/filters.ts';
import { FrameDecoder, encodeFrameHead } from '#wire/frames.ts';
import { decodeIndexPush } from '#wire/manifest.ts';
import { decodePlatform } from '#wire/platform.ts';
import { decodeRegistryAuth, decodeRegistryConfig } from '#wire/registry-auth.ts';
import { ClientFrameDecoder } from '../../src/api/websocket-frames.ts';
import type { FuzzTarget } from './fuzz.ts';
import { mayRefuse } from './fuzz.ts';
import { mutateBytes, mutateJson, mutateText } from './mutate.ts';
import { CONTAINER, EXEC, IMAGE_CONFIG, INDEX, MANIFEST, NETWORK, UPDATE, VOLUME } from './samples.ts';

type Reader<Input> = readonly [samples: readonly Input[], read: (input: Input) => unknown];

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

const TEXTS: readonly Reader<string>[] = [
  [
    ['busybox', 'a/b:1', `example.com:5000/a/b@${DIGEST}`, DIGEST.slice(7)],
    (text) => familiarReference(parseReference(text)),
  ],
  [['linux/arm64/v8', 'amd64'], parsePlatform],
  [['{"os":"linux","architecture":"amd64","variant":"v2"}', 'linux/386'], decodePlatform],
  [['127.0.0.1:8000-8002:80-82/tcp', '80', '[::1]:80:80/udp'], parsePublish],
  [['80/tcp', '8000-8002/udp'], (text) => [parseExpose(text), tryParsePorts(text), parseHostPorts(text)]],
  [['type=bind,source=/a,target=/b,readonly', 'type=tmpfs,"dst=/x,y",tmpfs-size=1m'], parseMount],
  [['/a:/b:ro,z', 'name:/data', '/data'], parseVolumeText],
  [['a,"b ""c""",d'], parseCsvRecord],
  [['64m', '1.5GiB'], parseMemorySize],
  [['1h30m', '10ms'], tryParseDuration],
  [['2026-01-02T03:04:05.678Z', '1700000000.5', '10m'], resolveTimestamp],
  [['10.0.0.0/8', 'fd00::/64'], (text) => [parsePrefix(text), parseInterfaceAddress(text)]],
  [['ctrl-p,ctrl-q', 'a,ctrl-@'], parseDetachKeys],
  [
    ['^/?(a+)+$', '[a-z]{1,3}x*'],
    (text) => compilePattern(text)('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'),
  ],
  [['*b*u*s*', '[a-z]?x'], (text) => globPattern(text).test('busybox'.repeat(100))],
  [['{"label":["a=b"],"until":{"1h":true}}', '{"dangling":["true"]}'], parseFilters],
  [['Bearer realm="https://a/t",service="x",scope="a:b:c", Basic realm="y"'], parseChallenges],
  [['eyJ1c2VybmFtZSI6ImEiLCJwYXNzd29yZCI6ImIifQ=='], decodeRegistryAuth],
  [['eyJhIjp7InVzZXJuYW1lIjoiYSJ9fQ=='], decodeRegistryConfig],
  [['4.3.2.1.in-addr.arpa', 'a.b.ip6.arpa'], (text) => [reverseAddress(text)]],
  [
    ['**/*.o\n!keep/a[b-d]?.o\n# x\n/dir/\n\\#y', 'a/**/b\n!a/x/b'],
    (text) => {
      const ignore = compileIgnore(parseIgnoreFile(text));
      for (const path of ['a/b/c.o', 'keep/ab1.o', 'dir/x', 'a'.repeat(300)]) ignore.matches(path);
    },
  ],
  [
    [
      '# syntax=docker/dockerfile:1\nARG V=1\nFROM a:${V:-2} AS b\nRUN --mount=type=cache,target=/x <<E\necho $V\nE\n',
      'FROM scratch\nCOPY --from=0 --chown=1:2 ["a b", "/"]\nENV A="b c" D=${A%x}\nHEALTHCHECK --interval=1s CMD true\n',
      '# escape=`\nFROM a\nONBUILD ADD --checksum=x http://a/b `\n /c\nLABEL a=b "c d"=e\nEXPOSE 1-2/udp\nVOLUME ["/v"]\n',
    ],
    (text) => {
      const file = parseDockerfile(text);
      const variables = new Map([['V', 'a b']]);
      for (const { instructions } of file.stages)
        for (const instruction of instructions)
          mayRefuse(() => expandInstruction(instruction, { variables, escape: file.escape }));
    },
  ],
];

const DOCUMENTS: readonly Reader<unknown>[] = [
  [[CONTAINER], (value) => decodeCreateRequest(JSON.stringify(value))],
  [[EXEC], (value) => decodeExecRequest(JSON.stringify(value))],
  [[{ Detach: false, Tty: true, ConsoleSize: [10, 20] }], (value) => decodeExecStart(JSON.stringify(value))],
  [[NETWORK], (value) => decodeNetworkCreate(JSON.stringify(value))],
  [
    [
      {
        Container: 'a',
        EndpointConfig: { Aliases: ['b'], IPAMConfig: { IPv4Address: '10.0.0.2' } },
        Force: true,
      },
    ],
    (value) => {
      decodeNetworkConnect(JSON.stringify(value));
      decodeNetworkDisconnect(JSON.stringify(value));
    },
  ],
  [[VOLUME], (value) => decodeVolumeRequest(JSON.stringify(value))],
  [[UPDATE], (value) => decodeUpdateRequest(JSON.stringify(value))],
  [[CONTAINER], (value) => decodeCommitConfig(JSON.stringify(value))],
  [
    [{ directories: [], dockerfile: 'Dockerfile', tags: ['a:1'] }],
    (value) => decodeBuildRequest(JSON.stringify(value)),
  ],
  [
    [{ mediaType: 'x', manifests: [{ reference: 'a:1' }] }],
    (value) => decodeIndexPush(JSON.stringify(value)),
  ],
  [[MANIFEST], (value) => decodeManifest(Buffer.from(JSON.stringify(value) ?? ''))],
  [[INDEX], (value) => decodeIndex(Buffer.from(JSON.stringify(value) ?? ''))],
  [[IMAGE_CONFIG], (value) => decodeImageConfig(Buffer.from(JSON.stringify(value) ?? ''))],
];

const QUERY = Buffer.concat([
  Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]),
  encodeName('www.example.com'),
  Buffer.from([0, 1, 0, 1]),
  Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]),
]);

/** The protocol's own refusal. */
function readFrames(stream: Buffer): void {
  try {
    for (const { data } of new ClientFrameDecoder().feed(stream))
      if (data.length > stream.length) throw new Error('more than came');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

const MESSAGES: readonly Reader<Buffer>[] = [
  [
    [QUERY],
    (message) => {
      const query = parseQuery(message);
      if (!query) return;
      const address = { type: 'a', address: parseIp('10.0.0.1') } as const;
      const answer = composeResponse(
        query,
        ResponseCode.noError,
        Array.from({ length: 100 }, () => address),
        1,
      );
      if (fitUdp(query, answer).length > Math.max(query.udpSize, 12 + query.question.length))
        throw new Error('an answer is larger than the client takes');
    },
  ],
  [[Buffer.concat([Buffer.from([0, QUERY.length]), QUERY])], (stream) => new DnsFrames().push(stream)],
  [[encodeFrameHead({ kind: 'x' }, 3), Buffer.from('{"a":1}')], (stream) => new FrameDecoder().push(stream)],
  [[Buffer.from('818512345678 7a575a1437'.replace(' ', ''), 'hex')], readFrames],
];

export const DECODER_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'texts',
    attempt: (random) => {
      const [samples, read] = random.pick(TEXTS);
      const input = mutateText(random, random.pick(samples));
      mayRefuse(() => read(input));
    },
  },
  {
    name: 'documents',
    attempt: (random) => {
      const [samples, read] = random.pick(DOCUMENTS);
      const input = mutateJson(random, random.pick(samples));
      mayRefuse(() => read(input));
    },
  },
  {
    name: 'messages',
    attempt: (random) => {
      const [samples, read] = random.pick(MESSAGES);
      const input = mutateBytes(random, random.pick(samples));
      mayRefuse(() => read(input));
    },
  },
];
