/** Writes the machine's image archives into a directory: it has no registry to pull from. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { manyFiles, tarOf } from '../fixtures/tar.ts';

const directory = process.argv[2] ?? '';
const busybox = busyboxRootTar();
const extras = ['one', 'two', 'three'].map((name) => tarOf(...manyFiles(name, 1000, 8000)));

mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, 'bb.tar'), dockerArchive({ reference: 'bb:latest', layers: [busybox] }));
writeFileSync(
  join(directory, 'big.tar'),
  dockerArchive({ reference: 'big:latest', layers: [busybox, ...extras] }),
);
