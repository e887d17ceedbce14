"""What is said to PostgreSQL."""

from adapters.storage.record import SessionRecord
from application.ports.session_store import BACKLOG_COUNT_MAX, EXPIRED_PARTS

COLUMNS = ", ".join(SessionRecord.__struct_fields__)
READ = f"SELECT version, {COLUMNS} FROM sessions WHERE session_id = ANY($1::text[])"

# The parts of a write, each a table of its own within one statement.
_INPUT = """input AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::integer[], $6::text[], $7::bytea[],
        $8::bytea[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::text[],
        $14::timestamptz[], $15::text[], $16::text[], $17::timestamptz[]
    ) AS i (
        session_id, kind, expected, forgets_audit, revision, persistence_id, document, ledger, created_at,
        updated_at, expires_at, expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure,
        sync_waiting_since
    )
), locked AS MATERIALIZED (
    SELECT i.* FROM sessions s JOIN input i USING (session_id)
    WHERE s.version = i.expected AND i.kind <> 'note' FOR UPDATE OF s SKIP LOCKED
)"""
_UPDATED = """updated AS (
    UPDATE sessions s SET
        version = nextval('session_versions'), revision = i.revision, persistence_id = i.persistence_id,
        document = i.document, ledger = i.ledger, created_at = i.created_at, updated_at = i.updated_at,
        expires_at = i.expires_at, expires_bucket = i.expires_bucket, subject_id = i.subject_id,
        sync_due_at = i.sync_due_at, sync_lane = i.sync_lane, sync_failure = i.sync_failure,
        sync_waiting_since = i.sync_waiting_since,
        trail_after = CASE WHEN i.forgets_audit THEN nextval('audit_place_seq') ELSE s.trail_after END
    FROM locked i WHERE s.session_id = i.session_id AND i.kind = 'put'
    RETURNING s.session_id
)"""
_INSERTED = """inserted AS (
    INSERT INTO sessions (
        session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at,
        expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure, sync_waiting_since, trail_after
    )
    SELECT
        session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at,
        expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure, sync_waiting_since,
        CASE WHEN forgets_audit THEN nextval('audit_place_seq') END
    FROM input WHERE kind = 'put' AND expected IS NULL ORDER BY session_id
    ON CONFLICT (session_id) DO NOTHING
    RETURNING session_id
)"""
_NOTED = """noted AS (
    INSERT INTO audit (session_id, action, time, persistence_id, revision, reason, subject_id)
    SELECT n.session_id, n.action, n.time, n.persistence_id, n.revision, n.reason, n.subject_id
    FROM unnest(
        $18::text[], $19::text[], $20::timestamptz[], $21::text[], $22::integer[], $23::text[], $24::text[]
    ) WITH ORDINALITY AS n (session_id, action, time, persistence_id, revision, reason, subject_id, place)
    JOIN won USING (session_id) ORDER BY n.place
)"""
WRITE = f"""
WITH {_INPUT}, {_UPDATED}, deleted AS (
    DELETE FROM sessions s USING locked i WHERE s.session_id = i.session_id AND i.kind = 'delete'
    RETURNING s.session_id, s.trail_after
), {_INSERTED}, won AS MATERIALIZED (
    SELECT session_id FROM updated UNION ALL SELECT session_id FROM deleted
    UNION ALL SELECT session_id FROM inserted UNION ALL SELECT session_id FROM input WHERE kind = 'note'
), forgotten AS (
    DELETE FROM audit a USING input i JOIN won USING (session_id)
    WHERE i.forgets_audit AND i.kind <> 'put' AND a.session_id = i.session_id
), forgotten_with_record AS (
    DELETE FROM audit a USING deleted d WHERE a.session_id = d.session_id AND a.place <= d.trail_after
), {_NOTED}
SELECT session_id FROM won
"""
# For batches that only put records, as most do: the server sets up every part, also for no row. That is 41 of
# 338 microseconds for a batch of one.
WRITE_RECORDS = f"""
WITH {_INPUT}, {_UPDATED}, {_INSERTED}, won AS MATERIALIZED (
    SELECT session_id FROM updated UNION ALL SELECT session_id FROM inserted
), {_NOTED}
SELECT session_id FROM won
"""

# Below the place where the last page ended: what was not visible to it. A place is drawn before the commit,
# but so many entries are not written while one transaction takes its time, so no long trail is read anew.
# What another cluster wrote, before it was restored here, has numbers of transactions that never were.
_LATE_PLACES_MAX = 100_000
_SHOWN = "coalesce((SELECT trail_after FROM sessions WHERE session_id = $1), 0)"
_ENTRY = "place, session_id, action, time, persistence_id, revision, reason, subject_id"
TRAIL = f"""
SELECT {_ENTRY}, pg_current_snapshot()::text AS snapshot FROM (
    SELECT {_ENTRY} FROM audit
    WHERE session_id = $1 AND place <= $2 AND place > $2 - {_LATE_PLACES_MAX}
    AND written_in < pg_snapshot_xmax(pg_current_snapshot())
    AND NOT pg_visible_in_snapshot(written_in, $3::text::pg_snapshot) AND place > {_SHOWN}
    UNION ALL (
        SELECT {_ENTRY} FROM audit WHERE session_id = $1 AND place > greatest($2, {_SHOWN})
        ORDER BY place LIMIT $4
    )
) AS page ORDER BY place
"""
DUE = """
SELECT session_id FROM sessions
WHERE sync_lane = $1 AND sync_due_at <= $2 AND expires_at > $2 ORDER BY sync_due_at LIMIT $3
"""
EXPIRED = f"""
SELECT session_id FROM sessions WHERE expires_bucket <= $1 AND expires_at <= $2
AND ($4::integer IS NULL OR hashtext(session_id) & {EXPIRED_PARTS - 1} = $4)
ORDER BY expires_bucket LIMIT $3
"""
OF_SUBJECT = """
WITH of_it AS MATERIALIZED (
    SELECT session_id FROM sessions WHERE subject_id = $1
    UNION
    SELECT a.session_id FROM audit a WHERE a.subject_id = $1 AND NOT EXISTS (
        SELECT FROM sessions s WHERE s.session_id = a.session_id
        AND (s.subject_id IS NOT NULL OR s.trail_after >= a.place)
    )
)
SELECT session_id FROM of_it WHERE session_id > $2 ORDER BY session_id LIMIT $3
"""
FORGET_AUDIT = """
DELETE FROM audit WHERE place = ANY(ARRAY(
    SELECT place FROM audit WHERE time < $1 ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""
# What is hidden stays marked for a minute: an entry whose place was drawn before may still be committed.
FORGET_ERASED = """
WITH erased AS MATERIALIZED (
    SELECT s.session_id, s.trail_after FROM sessions s WHERE s.trail_after IS NOT NULL AND (
        s.updated_at < clock_timestamp() - interval '1 minute'
        OR EXISTS (SELECT FROM audit a WHERE a.session_id = s.session_id AND a.place <= s.trail_after)
    ) ORDER BY s.trail_after LIMIT 64 FOR UPDATE OF s SKIP LOCKED
), hidden AS MATERIALIZED (
    SELECT a.place, a.session_id FROM erased e
    JOIN audit a ON a.session_id = e.session_id AND a.place <= e.trail_after LIMIT $1
), unmarked AS (
    UPDATE sessions s SET trail_after = NULL FROM erased e
    WHERE s.session_id = e.session_id AND s.updated_at < clock_timestamp() - interval '1 minute'
    AND NOT EXISTS (SELECT FROM hidden h WHERE h.session_id = e.session_id)
    AND (SELECT count(*) FROM hidden) < $1
)
DELETE FROM audit WHERE place = ANY(ARRAY(SELECT place FROM hidden))
"""
AUDIT_COUNT = """
SELECT CASE
    WHEN reltuples < 100000 THEN (SELECT count(*) FROM audit)
    ELSE reltuples::bigint
END FROM pg_class WHERE oid = 'audit'::regclass
"""
# A process of the version before leaves `sync_waiting_since` as it was: what is not due does not wait.
BACKLOG = f"""
SELECT count(*), min(sync_waiting_since) FROM (
    SELECT sync_waiting_since, sync_due_at, expires_at FROM sessions
    WHERE sync_waiting_since IS NOT NULL ORDER BY sync_waiting_since LIMIT {BACKLOG_COUNT_MAX}
) AS oldest WHERE sync_due_at IS NOT NULL AND expires_at > $1
"""
FAILED = f"""
SELECT count(*) FROM (
    SELECT FROM sessions WHERE sync_failure IS NOT NULL ORDER BY sync_failure LIMIT {BACKLOG_COUNT_MAX}
) AS failed
"""
TABLES = "SELECT FROM sessions, audit LIMIT 0"
NOW = "SELECT clock_timestamp()"
# A commit that is flushed to disk, on a table that may be written to, without a row.
TOUCH = """
WITH nothing AS (UPDATE sessions SET version = version WHERE false)
SELECT pg_logical_emit_message(true, 'session-keeper', 'ping')
"""
FAILED_BY_CODE = """
SELECT sync_failure, count(*) AS count, min(updated_at) AS oldest FROM sessions
WHERE sync_failure IS NOT NULL AND expires_at > $1 GROUP BY sync_failure
"""
FAILED_SYNCS = """
SELECT session_id FROM sessions
WHERE sync_failure IS NOT NULL AND expires_at > $1 AND sync_failure = coalesce($2, sync_failure)
AND session_id > $3 ORDER BY session_id LIMIT $4
"""
