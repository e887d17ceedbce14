// Fastify and `pg`: one upsert and one audit row, in one statement; body and answer by their schemas.
import Fastify from "fastify";
import { persist } from "./database.js";
import { answerOf, examine } from "./event.js";
import { serve } from "./serve.js";

const text = { type: "string" };
const body = {
  type: "object",
  required: ["sessionId", "eventType"],
  properties: { sessionId: text, eventType: text, context: { type: "object" } },
};
const answer = {
  type: "object",
  properties: { sessionId: text, outcome: text, persistenceId: text, byteSize: { type: "integer" }, expiresAt: text },
};
const app = Fastify();

app.post("/webhook/messaging", { schema: { body, response: { 200: answer } } }, async (request) => {
  const event = examine(request.body);
  const expiresAt = await persist(event);
  return answerOf({ ...event, expiresAt: expiresAt.toISOString() });
});

serve((port) => app.listen({ port, host: "127.0.0.1" }));
