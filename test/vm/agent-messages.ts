/** What the test and the agent in the machine say to each other. */

export interface Order {
  readonly id: number;
  /** A script for `/bin/sh -c`. */
  readonly script: string;
  readonly input?: string;
}

export interface Answer {
  readonly id: number;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Comes once a boot. */
export interface Hello {
  readonly bootId: string;
}
