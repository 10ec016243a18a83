/** The mounts of a create request. `DIRECTORY` stands for a directory of the host; see `option-host.ts`. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requestJson } from '../support/http.ts';
import { type Body, type OptionRows, proved, refused, shown, told } from './option-row.ts';

const mount = (options: Body): Body => ({ HostConfig: { Mounts: [options] } });
const bind = (target: string, options: Body = {}): Body =>
  mount({ Type: 'bind', Source: 'DIRECTORY/tree', Target: target, ...options });
const volume = (target: string, name: string, VolumeOptions: Body): Body =>
  mount({ Type: 'volume', Source: name, Target: target, VolumeOptions });

const TMPFS = mount({
  Type: 'tmpfs',
  Target: '/tmpfs',
  TmpfsOptions: { SizeBytes: 2 ** 20, Mode: 0o700, Options: [['exec']] },
});
const inTmpfs = (expected: RegExp) => shown('volumes', {}, 'grep " /tmpfs " /proc/mounts', expected);

export const MOUNT_ROWS: OptionRows = {
  'HostConfig.Binds': shown(
    'volumes',
    { HostConfig: { Binds: ['DIRECTORY/tree:/bound:ro'] } },
    'cat /bound/file; touch /bound/x 2>&1',
    /^kept\n.*Read-only/,
  ),
  'HostConfig.VolumeDriver': refused(
    { HostConfig: { VolumeDriver: 'nope', Binds: ['some-volume:/x'] } },
    /nope/,
    404,
  ),
  'HostConfig.VolumesFrom': shown(
    'joined',
    { HostConfig: { VolumesFrom: ['options-volumes'] } },
    'cat /bound/file',
    /^kept$/,
  ),
  'HostConfig.Mounts.Target': shown(
    'volumes',
    bind('/mounted', { ReadOnly: true, Consistency: 'cached' }),
    'cat /mounted/file',
    /^kept$/,
  ),
  'HostConfig.Mounts.Source': shown('volumes', {}, 'cat /mounted/file', /^kept$/),
  'HostConfig.Mounts.Type': refused(
    mount({ Type: 'npipe', Source: 'x', Target: '/x' }),
    /mount type unknown$/,
  ),
  'HostConfig.Mounts.ReadOnly': shown(
    'volumes',
    {},
    'touch /mounted/x 2>&1; touch /mounted/below/x 2>&1',
    /Read-only.*\n.*Read-only/,
  ),
  // For file systems that are shared with a virtual machine; on Linux all are consistent.
  'HostConfig.Mounts.Consistency': told(
    'main',
    bind('/consistent', { Consistency: 'cached' }),
    'HostConfig.Mounts.0.Consistency',
    'cached',
  ),
  'HostConfig.Mounts.BindOptions.Propagation': shown(
    'volumes',
    bind('/slave', { BindOptions: { Propagation: 'rslave' } }),
    'grep " /slave " /proc/self/mountinfo',
    /master:\d+/,
  ),
  'HostConfig.Mounts.BindOptions.NonRecursive': shown(
    'killed',
    mergeMounts(bind('/shallow', { BindOptions: { NonRecursive: true } }), bind('/whole')),
    'ls /shallow/below; ls /whole/below/deep',
    /^\/whole\/below\/deep$/,
  ),
  'HostConfig.Mounts.BindOptions.CreateMountpoint': proved(
    'volumes',
    mount({
      Type: 'bind',
      Source: 'DIRECTORY/made',
      Target: '/made',
      BindOptions: { CreateMountpoint: true },
    }),
    async ({ directory }) => assert.ok(existsSync(join(directory, 'made'))),
  ),
  'HostConfig.Mounts.BindOptions.ReadOnlyNonRecursive': shown(
    'volumes',
    bind('/partly', { ReadOnly: true, BindOptions: { ReadOnlyNonRecursive: true } }),
    'touch /partly/x 2>&1; touch /partly/below/x && echo written',
    /Read-only file system\nwritten$/,
  ),
  'HostConfig.Mounts.BindOptions.ReadOnlyForceRecursive': shown(
    'volumes',
    bind('/wholly', {
      ReadOnly: true,
      BindOptions: { ReadOnlyForceRecursive: true, Propagation: 'rprivate' },
    }),
    'touch /wholly/below/x 2>&1',
    /Read-only file system/,
  ),
  'HostConfig.Mounts.VolumeOptions.NoCopy': shown(
    'sealed',
    mergeMounts(volume('/seed', 'options-empty', { NoCopy: true }), volume('/seeds', 'options-full', {})),
    'ls /seed; ls /seeds',
    /^index\.html$/,
  ),
  'HostConfig.Mounts.VolumeOptions.Labels': proved(
    'volumes',
    volume('/labelled', 'options-labelled', { Labels: { option: 'volume' } }),
    async ({ socket }) => {
      const { Labels } = await requestJson<{ Labels: object }>(socket, 'GET', '/volumes/options-labelled');
      assert.deepEqual(Labels, { option: 'volume' });
    },
  ),
  'HostConfig.Mounts.VolumeOptions.DriverConfig.Name': refused(
    volume('/x', 'some', { DriverConfig: { Name: 'nope' } }),
    /nope/,
    404,
  ),
  'HostConfig.Mounts.VolumeOptions.DriverConfig.Options': refused(
    volume('/x', 'some', { DriverConfig: { Name: 'local', Options: { nope: 'x' } } }),
    /nope/,
  ),
  'HostConfig.Mounts.VolumeOptions.Subpath': refused(
    volume('/x', 'some', { Subpath: 'part' }),
    /^Cannot mount a part of volume some: not supported yet$/,
    501,
  ),
  'HostConfig.Mounts.ImageOptions.Subpath': refused(
    mount({ Type: 'image', Source: 'options', Target: '/x', ImageOptions: { Subpath: 'x' } }),
    /mount type unknown$/,
  ),
  'HostConfig.Mounts.TmpfsOptions.SizeBytes': shown(
    'volumes',
    TMPFS,
    'grep " /tmpfs " /proc/mounts',
    /size=1024k/,
  ),
  'HostConfig.Mounts.TmpfsOptions.Mode': inTmpfs(/mode=700/),
  'HostConfig.Mounts.TmpfsOptions.Options': inTmpfs(/tmpfs rw,nosuid,nodev,(?!noexec)/),
  'HostConfig.Tmpfs': shown(
    'sealed',
    { HostConfig: { Tmpfs: { '/scratch': 'size=64k' } } },
    'touch /scratch/x; grep " /scratch " /proc/mounts',
    /size=64k/,
  ),
};

function mergeMounts(...bodies: readonly Body[]): Body {
  return {
    HostConfig: { Mounts: bodies.flatMap(({ HostConfig }): readonly Body[] => Object(HostConfig).Mounts) },
  };
}
