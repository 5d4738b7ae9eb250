// The heartbeat of one process: beat before the pool opens, then every third of its ttl, bye at the end.
//
// The answer is a lease. It runs out by this process's own monotonic clock before the database calls its row stale, so a
// process that was paused or cut off stops by itself. Copy this file into your application.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import pg from "pg";

const BEAT = "SELECT ok, ttl_s, why FROM migrator.beat($1, $2, $3, $4, $5)";
const BYE = "SELECT migrator.bye($1, $2, $3)";
const LONGEST_MARGIN_MS = 2_000;
const LONGEST_RETRY_MS = 1_000;
const LONGEST_APPLICATION_NAME = 62; // the server keeps 63 bytes; a name that fills them may have been cut

/** The database refuses this code: do not start. */
export class Fenced extends Error {}

/** No query may be sent now. */
export class LeaseLost extends Error {}

export interface Identity {
  service: string;
  /** Schema level this code was built at. */
  level: number;
  version: string;
  /** For people, a pod's name for example. */
  instance?: string;
  /** Called each time the lease ends while the process runs: not ready. */
  onLost?: (why: string) => void;
}

/** `service/version/level`, by which the gate knows a session; a long version is cut, the level never. */
export function applicationName({ service, level, version }: Identity): string {
  const room = LONGEST_APPLICATION_NAME - `${service}//${level}`.length;
  if (!/^[\x20-\x2e\x30-\x7e]+$/.test(service) || room < 0) {
    throw new RangeError(`${JSON.stringify(service)} cannot be part of an application_name`);
  }
  return `${service}/${version.replace(/[^\x20-\x7e]/g, "?").slice(0, room)}/${level}`;
}

export class Heartbeat {
  readonly applicationName: string;
  readonly #identity: Identity;
  readonly #config: pg.ClientConfig;
  readonly #key: [service: string, instance: string, boot: string];
  #client: pg.Client | undefined;
  #beating: Promise<void> = Promise.resolve();
  #next: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #ttlMs = 45_000;
  #until = -Infinity;
  #whyNot = "the heartbeat was not started: start it before the pool";
  #stopped = false;

  /** `config`: how to reach the primary, not through a pooler in transaction mode. */
  constructor(config: pg.ClientConfig, identity: Identity) {
    this.applicationName = applicationName(identity);
    this.#identity = identity;
    this.#key = [identity.service, identity.instance ?? `${hostname()}:${process.pid}`, randomUUID()];
    this.#config = {
      ...config,
      application_name: this.applicationName,
      statement_timeout: 2_000,
      query_timeout: 5_000,
      connectionTimeoutMillis: 5_000,
      options:
        "-c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c idle_session_timeout=0",
    };
  }

  get leaseValid(): boolean {
    return performance.now() < this.#until;
  }

  /** Throws LeaseLost when no query may be sent. */
  check(): void {
    if (!this.leaseValid) throw new LeaseLost(`${this.#identity.service} must not use the database: ${this.#whyNot}`);
  }

  /** Beats once, before anything else uses the database, and goes on. Whatever it throws: do not start. */
  async start(): Promise<void> {
    let refused: string;
    try {
      refused = await this.#beat();
    } catch (error) {
      await this.#leave(); // the answer may be what was lost
      throw error;
    }
    if (refused) {
      await this.#leave(); // a service that is not listed was recorded all the same
      throw new Fenced(`${this.#identity.service} at level ${this.#identity.level} must not start: ${refused}`);
    }
    this.#schedule(this.#periodMs());
  }

  /** Says bye; to be called after the last query. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#end("the heartbeat was stopped");
    clearTimeout(this.#next);
    clearTimeout(this.#expiry);
    await this.#beating; // no beat may follow the bye
    await this.#leave();
  }

  #schedule(pauseMs: number): void {
    this.#next = setTimeout(() => (this.#beating = this.#goOn()), pauseMs);
  }

  async #goOn(): Promise<void> {
    let pauseMs: number;
    try {
      const refused = await this.#beat();
      if (refused) this.#lost(refused);
      pauseMs = this.#periodMs();
    } catch (error) {
      this.#whyNot = `its lease ran out; the last beat failed: ${(error as Error).message}`;
      await this.#close();
      pauseMs = Math.min(LONGEST_RETRY_MS, this.#ttlMs / 10) * (0.5 + Math.random() / 2);
    }
    if (!this.#stopped) this.#schedule(pauseMs);
  }

  /** Why the beat was refused, or nothing. */
  async #beat(): Promise<string> {
    const client = await this.#open();
    const sent = performance.now();
    const { level, version } = this.#identity;
    const { rows } = await client.query<{ ok: boolean; ttl_s: number; why: string }>(BEAT, [...this.#key, level, version]);
    const [row] = rows;
    if (row?.ok !== true) return row?.why || "the database did not answer the beat";
    if (this.#stopped) return "";
    this.#ttlMs = row.ttl_s * 1_000;
    this.#until = sent + this.#ttlMs - Math.min(LONGEST_MARGIN_MS, this.#ttlMs / 3);
    this.#whyNot = "its lease ran out without a beat";
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#lost(this.#whyNot), this.#until - performance.now());
    return "";
  }

  #lost(why: string): void {
    const told = this.#until === -Infinity;
    this.#end(why);
    if (!told) this.#identity.onLost?.(why);
  }

  #end(why: string): void {
    this.#until = -Infinity;
    this.#whyNot = why;
  }

  #periodMs(): number {
    return (this.#ttlMs / 3) * (0.9 + Math.random() / 5);
  }

  async #leave(): Promise<void> {
    try {
      const client = await this.#open();
      await client.query(BYE, this.#key);
    } catch {
      // Without a bye the row goes stale and counts as running: tedious, never wrong.
    }
    await this.#close();
  }

  async #open(): Promise<pg.Client> {
    if (this.#client === undefined) {
      const client = new pg.Client(this.#config);
      client.on("error", () => void this.#close()); // told between beats; the next one connects anew
      await client.connect();
      this.#client = client;
    }
    return this.#client;
  }

  async #close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }
}

/** A pool that hands out no connection without a lease, so `pool.query` sends nothing either. */
export class LeasedPool extends pg.Pool {
  readonly #heartbeat: Heartbeat;

  constructor(heartbeat: Heartbeat, config: pg.PoolConfig) {
    heartbeat.check();
    super({ application_name: heartbeat.applicationName, ...config });
    this.#heartbeat = heartbeat;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    const checked = super.connect().then((client) => {
      try {
        this.#heartbeat.check(); // it may have waited for long
      } catch (error) {
        client.release();
        throw error;
      }
      return client;
    });
    if (callback === undefined) return checked;
    checked.then(
      (client) => callback(undefined, client, (error) => client.release(error as Error)),
      (error: Error) => callback(error, undefined, () => undefined),
    );
  }
}

type ConnectCallback = (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void;
