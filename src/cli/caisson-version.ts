/** This client's version: the package's (a test holds them equal; a compiled client has no package.json to read). */
export const CAISSON_VERSION = '0.1.0';
