/** Control groups, whichever of their versions the machine has (cgroups(7)). */
export { type CgroupLayout, cgroupLayoutOf, readCgroupLayout } from './cgroup-layout.ts';
export { type CgroupSetup, prepareCgroups } from './cgroup-setup.ts';
export type { CgroupStats } from './cgroup-stats.ts';
export { ContainerCgroup } from './container-cgroup.ts';
export type { OomWatch } from './oom-watch.ts';
