// The tutorial without its calls to Genesys: a Map, an array of audit entries, nothing on disk.
import express from "express";
import { answerOf, examine } from "./event.js";
import { serve } from "./serve.js";

const sessions = new Map();
const audit = [];
const app = express();
app.use(express.json());

app.post("/webhook/messaging", (req, res) => {
  let event;
  try {
    event = examine(req.body);
  } catch (error) {
    return res.status(400).json({ error: error.message });
  }
  const { sessionId, eventType, serialized, byteSize, persistenceId, expiresAt } = event;
  sessions.set(sessionId, { persistenceId, serialized, byteSize, expiresAt });
  audit.push({ sessionId, eventType, byteSize, at: new Date().toISOString() });
  res.json(answerOf(event));
});

serve((port) => app.listen(port, "127.0.0.1"));
