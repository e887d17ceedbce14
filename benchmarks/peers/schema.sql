CREATE TABLE sessions (
  session_id text PRIMARY KEY,
  persistence_id uuid NOT NULL,
  context jsonb NOT NULL,
  byte_size integer NOT NULL,
  updated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id text NOT NULL,
  event_type text NOT NULL,
  byte_size integer NOT NULL,
  at timestamptz NOT NULL
);
