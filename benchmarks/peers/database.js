// The pool of `pg`, and the one statement with which an event is kept and audited.
import { readFileSync } from "node:fs";
import pg from "pg";

const text = readFileSync(new URL("./persist.sql", import.meta.url), "utf8");
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

export async function persist({ sessionId, eventType, persistenceId, serialized, byteSize }) {
  const values = [sessionId, eventType, persistenceId, serialized, byteSize];
  const { rows } = await pool.query({ name: "persist", text, values });
  return rows[0].expires_at;
}
