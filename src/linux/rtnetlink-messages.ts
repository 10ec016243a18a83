/** Everything that a route socket can be asked to do (rtnetlink(7)). */
export * from './rtnetlink-addresses.ts';
export * from './rtnetlink-links.ts';
