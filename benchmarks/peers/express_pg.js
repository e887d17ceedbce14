// Express and `pg`: one upsert and one audit row, in one statement.
import express from "express";
import { persist } from "./database.js";
import { answerOf, examine } from "./event.js";
import { serve } from "./serve.js";

const app = express();
app.use(express.json());

app.post("/webhook/messaging", async (req, res) => {
  let event;
  try {
    event = examine(req.body);
  } catch (error) {
    return res.status(400).json({ error: error.message });
  }
  const expiresAt = await persist(event);
  res.json(answerOf({ ...event, expiresAt }));
});

serve((port) => app.listen(port, "127.0.0.1"));
