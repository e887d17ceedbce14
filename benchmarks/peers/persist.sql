WITH audited AS (
  INSERT INTO audit (session_id, event_type, byte_size, at) VALUES ($1, $2, $5, now())
)
INSERT INTO sessions (session_id, persistence_id, context, byte_size, updated_at, expires_at)
VALUES ($1, $3, $4, $5, now(), now() + interval '1 hour')
ON CONFLICT (session_id) DO UPDATE SET
  persistence_id = excluded.persistence_id, context = excluded.context, byte_size = excluded.byte_size,
  updated_at = excluded.updated_at, expires_at = excluded.expires_at
RETURNING expires_at
