// What both kinds of server check and measure of an event, as the tutorial does.
import { randomUUID } from "node:crypto";

const CONTEXT_BYTES_MAX = 8192;
const TTL_SECONDS = 3600;

export function examine({ sessionId, eventType, context } = {}) {
  if (!sessionId || !eventType) throw new Error("sessionId or eventType is missing");
  const serialized = JSON.stringify(context ?? {});
  const byteSize = Buffer.byteLength(serialized, "utf8");
  if (byteSize > CONTEXT_BYTES_MAX) throw new Error(`context of ${byteSize} bytes`);
  const expiresAt = new Date(Date.now() + TTL_SECONDS * 1000);
  return { sessionId, eventType, serialized, byteSize, persistenceId: randomUUID(), expiresAt };
}

export function answerOf({ sessionId, persistenceId, byteSize, expiresAt }) {
  return { sessionId, outcome: "persisted", persistenceId, byteSize, expiresAt };
}
