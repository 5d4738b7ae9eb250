// A very small application: it answers each line on stdin, until SIGTERM or the end of its input.

import { createInterface } from "node:readline";
import { Fenced, Heartbeat, LeasedPool } from "./heartbeat.js";

const url = process.env.DATABASE_URL;
const level = Number(process.env.SCHEMA_LEVEL ?? 42);
const heartbeat = new Heartbeat(
  { connectionString: url },
  { service: "web", level, version: "1.0", instance: process.env.POD_NAME, onLost: (why) => console.log(`lost: ${why}`) },
);

try {
  await heartbeat.start();
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exit(error instanceof Fenced ? 13 : 3);
}

const pool = new LeasedPool(heartbeat, { connectionString: url, max: 2 });
pool.on("error", (error) => console.error(error.message)); // an idle connection broke; the pool replaces it
const input = createInterface({ input: process.stdin });
process.once("SIGTERM", () => input.close());
console.log("up");

for await (const sql of input) {
  try {
    console.log(JSON.stringify((await pool.query(sql)).rows));
  } catch (error) {
    console.log(`${(error as Error).constructor.name}: ${(error as Error).message}`);
  }
}

await pool.end(); // the last query comes before bye
await heartbeat.stop();
