import type { Logger } from '#base/log.ts';
import { messageOf } from '#base/errors.ts';
import { Nftables } from '#linux/nftables.ts';
import {
  type FirewallBridge,
  type FirewallRule,
  renderBridge,
  renderPublish,
  renderRuleset,
  renderUnpublish,
} from './ruleset.ts';

export interface FirewallOptions {
  readonly table: string;
  readonly mark: boolean;
  /** See `ruleset.ts`. */
  readonly translatesLoopback6: boolean;
  readonly logger: Logger;
}

/**
 * The engine's nftables table. What belongs into it is known here, so that it can be written anew at any time:
 * at the start, over whatever an earlier daemon or another program left, and when it turns out that another program
 * has flushed it. Until {@link install} the kernel's table stays as it is.
 */
export class Firewall implements Disposable {
  readonly #nftables: Nftables;
  readonly #options: FirewallOptions;
  readonly #bridges = new Map<string, FirewallBridge>();
  readonly #rules = new Map<string, FirewallRule>();
  #installed = false;

  /** @throws {EngineError} `unavailable` without the library or where the kernel refuses */
  constructor(options: FirewallOptions) {
    this.#options = options;
    this.#nftables = Nftables.open();
  }

  /**
   * Replaces the table, in one transaction, by what is known of bridges and of these rules.
   *
   * @throws {EngineError} `unavailable` if the kernel or the library cannot do it
   */
  install(rules: readonly FirewallRule[]): void {
    for (const rule of rules) this.#rules.set(keyOf(rule), rule);
    this.#writeAll();
    this.#installed = true;
  }

  /** False: what the host asks of `::1` is left to whatever listens there. */
  get translatesLoopback6(): boolean {
    return this.#options.translatesLoopback6;
  }

  /** Adds a bridge, or replaces what was known of it. */
  addBridge(bridge: FirewallBridge): void {
    this.removeBridge(bridge.name);
    this.#bridges.set(bridge.name, bridge);
    this.#change(renderBridge('add', this.#options.table, bridge));
  }

  /** Idempotent. */
  removeBridge(name: string): void {
    const bridge = this.#bridges.get(name);
    if (!bridge) return;
    this.#bridges.delete(name);
    this.#change(renderBridge('delete', this.#options.table, bridge));
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

  /** Runs the commands; if they fail, the whole table is written anew. */
  #change(commands: string): void {
    if (!this.#installed) return;
    try {
      this.#nftables.run(commands);
    } catch (error) {
      const { logger, table } = this.#options;
      logger.warn('firewall table was changed from outside: writing it anew', {
        table,
        error: messageOf(error),
      });
      this.#writeAll();
    }
  }

  #writeAll(): void {
    const { table, mark, translatesLoopback6 } = this.#options;
    const [bridges, rules] = [[...this.#bridges.values()], [...this.#rules.values()]];
    this.#nftables.run(renderRuleset({ table, mark, translatesLoopback6, bridges, rules }));
  }

  /** Removes the table and with it every rule. */
  removeTable(): void {
    const { table } = this.#options;
    this.#installed = false;
    this.#nftables.run(`table inet ${table} {\n}\ndelete table inet ${table}\n`);
  }

  /** Leaves the table as it is: it works without the daemon. */
  [Symbol.dispose](): void {
    this.#nftables[Symbol.dispose]();
  }
}

function keyOf({ protocol, hostAddress, hostPort }: FirewallRule): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}
