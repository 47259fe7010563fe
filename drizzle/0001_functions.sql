-- heads: every send updates one row; room on the page and no index on what changes keep the update HOT.
ALTER TABLE heads SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE rooms ADD CONSTRAINT rooms_kind CHECK (kind IN ('global', 'direct'));

INSERT INTO deployment DEFAULT VALUES;
CREATE UNIQUE INDEX deployment_one_row ON deployment ((true));

INSERT INTO rooms (id, kind) VALUES ('00000000-0000-4000-8000-000000000001', 'global');
INSERT INTO heads (room_id, seq, last_at) SELECT id, 0, created_at FROM rooms;

-- Stores a batch of sends; the whole transaction of a send is this one call.
-- The arrays run side by side, one element a message, and the messages of one room stand together.
-- Answers one row a message, in any order: its place n in the arrays and an outcome:
--   stored     with its new id, seq and time
--   duplicate  the sender used this client_id here before, for the same content: the stored id, seq and time
--   mismatch   the sender used this client_id here before, for other content
--   not_found  no such room, or not the sender's
-- Two traps that this form avoids, both seen to happen: locks taken room by room in the order of arrival deadlock; and numbering
-- in the statement that locks works on a snapshot from before the lock was granted, which leaves holes and doubles.
CREATE FUNCTION store_messages(p_rooms uuid[], p_senders uuid[], p_ids uuid[], p_client_ids text[], p_contents text[])
RETURNS TABLE (n int, outcome text, id uuid, seq bigint, sent_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  v_count int := coalesce(array_length(p_rooms, 1), 0);
  v_from int := 1;
  v_to int;
  v_room uuid;
  v_kind text;
  v_seq bigint;
  v_at timestamptz;
BEGIN
  PERFORM 1 FROM heads h WHERE h.room_id = ANY (p_rooms) ORDER BY h.room_id FOR NO KEY UPDATE;
  WHILE v_from <= v_count LOOP
    v_room := p_rooms[v_from];
    v_to := v_from;
    WHILE v_to < v_count AND p_rooms[v_to + 1] = v_room LOOP
      v_to := v_to + 1;
    END LOOP;
    SELECT r.kind, h.seq, greatest(h.last_at, date_trunc('milliseconds', clock_timestamp()))
      INTO v_kind, v_seq, v_at FROM heads h JOIN rooms r ON r.id = h.room_id WHERE h.room_id = v_room;
    IF NOT FOUND THEN
      RETURN QUERY SELECT g, 'not_found', NULL::uuid, NULL::bigint, NULL::timestamptz FROM generate_series(v_from, v_to) g;
    ELSIF v_from = v_to
      AND (v_kind = 'global' OR EXISTS (SELECT FROM members p WHERE p.room_id = v_room AND p.user_id = p_senders[v_from]))
      AND (p_client_ids[v_from] IS NULL OR NOT EXISTS (
        SELECT FROM messages m WHERE m.room_id = v_room AND m.sender_id = p_senders[v_from] AND m.client_id = p_client_ids[v_from])) THEN
      -- One message, nothing wrong with it: plain statements take half the time of the general one below.
      INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at, client_id, content_hash)
      VALUES (v_room, v_seq + 1, p_ids[v_from], p_senders[v_from], p_contents[v_from], v_at, p_client_ids[v_from],
              CASE WHEN p_client_ids[v_from] IS NOT NULL THEN sha256(convert_to(p_contents[v_from], 'UTF8')) END);
      UPDATE heads SET seq = v_seq + 1, last_at = v_at WHERE room_id = v_room;
      n := v_from; outcome := 'stored'; id := p_ids[v_from]; seq := v_seq + 1; sent_at := v_at;
      RETURN NEXT;
    ELSE
      RETURN QUERY
      WITH batch AS (
        SELECT b.sender, b.id, b.client_id, b.content, (v_from - 1 + b.i)::int AS n,
               CASE WHEN b.client_id IS NOT NULL THEN sha256(convert_to(b.content, 'UTF8')) END AS hash
        FROM unnest(p_senders[v_from:v_to], p_ids[v_from:v_to], p_client_ids[v_from:v_to], p_contents[v_from:v_to])
          WITH ORDINALITY AS b (sender, id, client_id, content, i)
      ), judged AS (
        SELECT b.*, m.id AS old_id, m.seq AS old_seq, m.sent_at AS old_at,
               CASE
                 WHEN v_kind <> 'global' AND NOT EXISTS (SELECT FROM members p WHERE p.room_id = v_room AND p.user_id = b.sender) THEN 'not_found'
                 WHEN m.id IS NULL THEN 'stored'
                 WHEN m.content_hash = b.hash THEN 'duplicate'
                 ELSE 'mismatch'
               END AS outcome
        FROM batch b
        LEFT JOIN messages m ON b.client_id IS NOT NULL AND m.room_id = v_room AND m.sender_id = b.sender AND m.client_id = b.client_id
      ), fresh AS (
        SELECT j.*, v_seq + row_number() OVER (ORDER BY j.n) AS new_seq FROM judged j WHERE j.outcome = 'stored'
      ), inserted AS (
        INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at, client_id, content_hash)
        SELECT v_room, f.new_seq, f.id, f.sender, f.content, v_at, f.client_id, f.hash FROM fresh f
      ), moved AS (
        UPDATE heads h SET seq = f.last, last_at = v_at FROM (SELECT max(new_seq) AS last FROM fresh) f
        WHERE h.room_id = v_room AND f.last IS NOT NULL
      )
      SELECT f.n, f.outcome, f.id, f.new_seq, v_at FROM fresh f
      UNION ALL
      SELECT j.n, j.outcome, CASE WHEN j.outcome = 'duplicate' THEN j.old_id END, CASE WHEN j.outcome = 'duplicate' THEN j.old_seq END,
             CASE WHEN j.outcome = 'duplicate' THEN j.old_at END
      FROM judged j WHERE j.outcome <> 'stored';
    END IF;
    v_from := v_to + 1;
  END LOOP;
END $$;

-- The direct room of two people, made if it is not there; NULL where the other one is unknown or inactive.
-- ON CONFLICT waits for a rival that is making the same room; the SELECT after it has a fresh snapshot and finds the rival's.
CREATE FUNCTION open_direct(p_new_id uuid, p_me uuid, p_other uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_pair text := least(p_me, p_other) || ':' || greatest(p_me, p_other);
  v_id uuid;
BEGIN
  IF NOT EXISTS (SELECT FROM users WHERE id = p_other AND disabled_at IS NULL) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO v_id FROM rooms WHERE pair = v_pair;
  IF FOUND THEN
    RETURN v_id;
  END IF;
  INSERT INTO rooms (id, kind, pair) VALUES (p_new_id, 'direct', v_pair) ON CONFLICT (pair) DO NOTHING RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    SELECT id INTO v_id FROM rooms WHERE pair = v_pair;
    RETURN v_id;
  END IF;
  INSERT INTO heads (room_id, seq, last_at) SELECT id, 0, created_at FROM rooms WHERE id = v_id;
  INSERT INTO members (room_id, user_id) VALUES (v_id, p_me), (v_id, p_other);
  RETURN v_id;
END $$;

-- Makes an account and its first session; false where the name is taken. Names with a letter beyond ASCII must also differ from
-- all others by look (the skeleton); the lock lets two look-alikes that sign up at once see each other.
CREATE FUNCTION sign_up(p_user jsonb, p_session jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v users := jsonb_populate_record(NULL::users, p_user);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(v.skeleton, 1));
  IF EXISTS (SELECT FROM users WHERE skeleton = v.skeleton AND NOT (ascii AND v.ascii)) THEN
    RETURN false;
  END IF;
  INSERT INTO users (id, username, folded, skeleton, ascii, password, email)
  VALUES (v.id, v.username, v.folded, v.skeleton, v.ascii, v.password, v.email)
  ON CONFLICT (folded COLLATE "C") DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM start_session(p_session);
  RETURN true;
END $$;

-- False for an inactive user. A log-in checks the account before it hashes, which takes a while: the shared lock makes it wait for
-- whoever disables the account meanwhile, and see it.
CREATE FUNCTION start_session(p_session jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v sessions := jsonb_populate_record(NULL::sessions, p_session);
BEGIN
  PERFORM 1 FROM users u WHERE u.id = v.user_id AND u.disabled_at IS NULL FOR SHARE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
  VALUES (v.id, v.user_id, v.user_agent, v.issued_at, v.expires_at, v.jti);
  RETURN true;
END $$;

-- Whoever disables an account, and however, ends its sessions in the same transaction: nobody can forget to.
CREATE FUNCTION end_sessions_of_disabled() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id() WHERE user_id = NEW.id AND ended_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER users_disabled AFTER UPDATE OF disabled_at ON users
  FOR EACH ROW WHEN (NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION end_sessions_of_disabled();

-- The first seq of a room at or after a time (the head + 1 when all is older). Times never fall along a room, so that
-- halving finds it by the primary key, and messages need no index on time.
CREATE FUNCTION seq_at(p_room uuid, p_time timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
  v_seq bigint;
  v_at timestamptz;
BEGIN
  SELECT h.seq + 1 INTO v_high FROM heads h WHERE h.room_id = p_room;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    SELECT m.seq, m.sent_at INTO v_seq, v_at FROM messages m WHERE m.room_id = p_room AND m.seq >= v_middle ORDER BY m.seq LIMIT 1;
    IF NOT FOUND OR v_at >= p_time THEN
      v_high := v_middle;
    ELSE
      v_low := v_seq + 1;
    END IF;
  END LOOP;
  RETURN v_low;
END $$;
