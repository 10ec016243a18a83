import { isIPv4 } from 'node:net';
import type { Logger } from '#base/log.ts';
import { messageOf } from '#base/errors.ts';
import { Nftables } from '#linux/nftables.ts';
import {
  type FirewallBridge,
  type FirewallRule,
  renderPublish,
  renderRuleset,
  renderUnpublish,
} from './ruleset.ts';

export interface FirewallOptions {
  readonly table: string;
  readonly mark: boolean;
  readonly logger: Logger;
}

/**
 * The engine's nftables table. What belongs into it is known here, so that it can be written anew at any time:
 * at the start, over whatever an earlier daemon or somebody else left, and when it turns out that somebody else has
 * flushed it.
 */
export class Firewall implements Disposable {
  readonly #nftables: Nftables;
  readonly #options: FirewallOptions;
  readonly #bridges: readonly FirewallBridge[];
  readonly #rules = new Map<string, FirewallRule>();

  /**
   * Replaces the table in one transaction.
   *
   * @throws {EngineError} `unavailable` if the kernel or the library cannot do it
   */
  constructor(options: FirewallOptions, bridges: readonly FirewallBridge[], rules: readonly FirewallRule[]) {
    this.#options = options;
    this.#bridges = bridges;
    for (const rule of rules) this.#rules.set(keyOf(rule), rule);
    this.#nftables = Nftables.open();
    this.#install();
  }

  /** Opens ports: one transaction. */
  publish(rules: readonly FirewallRule[]): void {
    if (rules.length === 0) return;
    for (const rule of rules) this.#rules.set(keyOf(rule), rule);
    this.#change(renderPublish(this.#options.table, rules));
  }

  /** Closes them again. */
  unpublish(rules: readonly FirewallRule[]): void {
    if (rules.length === 0) return;
    for (const rule of rules) this.#rules.delete(keyOf(rule));
    this.#change(renderUnpublish(this.#options.table, rules));
  }

  /** Whatever went wrong, the table as it should be is the way out of it. */
  #change(commands: string): void {
    try {
      this.#nftables.run(commands);
    } catch (error) {
      const { logger, table } = this.#options;
      logger.warn('firewall table was changed from outside: writing it anew', {
        table,
        error: messageOf(error),
      });
      this.#install();
    }
  }

  #install(): void {
    const { table, mark } = this.#options;
    this.#nftables.run(
      renderRuleset({ table, mark, bridges: this.#bridges, rules: [...this.#rules.values()] }),
    );
  }

  /** Removes the table and with it every rule. */
  removeTable(): void {
    const { table } = this.#options;
    this.#nftables.run(`table inet ${table} {\n}\ndelete table inet ${table}\n`);
  }

  /** Leaves the table as it is: it works without us. */
  [Symbol.dispose](): void {
    this.#nftables[Symbol.dispose]();
  }
}

function keyOf({ protocol, hostAddress, hostPort }: FirewallRule): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}

/** The publications that the firewall can carry: there is no translation from IPv6 to IPv4. */
export function isFirewallRule({ hostAddress }: Pick<FirewallRule, 'hostAddress'>): boolean {
  return isIPv4(hostAddress);
}
