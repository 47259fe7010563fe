-- Every function of the database. This file is run again whenever it has changed, by whichever process starts first, while older ones may
-- still be at work: so signatures stay, or a new name is found.

-- Stores a batch of sends; the whole transaction of a send is this one call.
-- p_sessions, p_ids, p_client_ids and p_contents run side by side, one element a message: first those of p_rooms[1], up to p_ends[1], then those
-- of the next. Whoever has the session is the sender.
-- A serialization failure (40001) has stored nothing, and is to be called again.
-- Answers one row a room, in order: its head, from which what was stored is numbered on, and the time of all that was. No head: no such room. `others`
-- has those that were not stored, each with its place n in the arrays and an outcome:
--   duplicate  the sender used this client_id here before, for the same content: the stored id, seq and time
--   mismatch   the sender used this client_id here before, for other content
--              both also where that message was removed since
--   not_found  not the sender's room
--   unauthenticated  the session does not live, or no longer. A check before this call would not do: a request can be kept waiting for its
--              body, or for us, until long after its token was looked at. Disabling an account ends its sessions
-- Two traps that this form avoids, both seen to happen: locks taken room by room in the order of arrival deadlock; and numbering
-- in the statement that locks works on a snapshot from before the lock was granted, which leaves holes and doubles. (Of the row that it
-- locked itself a statement sees what is there when the lock is granted.)
CREATE OR REPLACE FUNCTION store_messages(p_rooms uuid[], p_ends int[], p_sessions uuid[], p_ids uuid[], p_client_ids text[], p_contents text[])
RETURNS TABLE (seq bigint, sent_at timestamptz, others json)
LANGUAGE plpgsql VOLATILE
-- Only by the indexes, row by row: plans are made while the tables are empty, and kept until somebody counts what they hold. Anything else
-- reads through a whole room for each batch. And plans are made once: making one for each batch took a quarter of the time of a message alone.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_from int := 1;
  v_to int;
  v_room uuid;
  v_seq bigint;
  v_at timestamptz;
  -- The room where there is something to look up, else NULL, which no index is searched for.
  v_private uuid;
  v_removed uuid;
  v_stored int;
  v_gone boolean;
BEGIN
  IF array_length(p_rooms, 1) > 1 THEN
    PERFORM 1 FROM heads h WHERE h.room_id = ANY (p_rooms) ORDER BY h.room_id FOR NO KEY UPDATE;
  END IF;
  FOR r IN 1 .. coalesce(array_length(p_rooms, 1), 0) LOOP
    v_room := p_rooms[r];
    v_to := p_ends[r];
    -- What follows sees what was committed before this lock: delete_account takes it too, so that a message is stored before the
    -- deletion, or finds its session ended.
    SELECT h.seq, greatest(h.last_at, date_trunc('milliseconds', clock_timestamp())), CASE WHEN k.kind <> 'global' THEN v_room END,
           CASE WHEN h.removals THEN v_room END
      INTO v_seq, v_at, v_private, v_removed FROM heads h JOIN rooms k ON k.id = h.room_id WHERE h.room_id = v_room FOR NO KEY UPDATE OF h;
    seq := v_seq; sent_at := v_at; others := NULL;
    IF FOUND THEN
      -- From one relation: the planner of an empty table would join by a part of the index's key only.
      WITH b AS MATERIALIZED (
        SELECT u.id, u.client_id, u.content, u.i, s.user_id AS sender
        FROM unnest(p_sessions[v_from:v_to], p_ids[v_from:v_to], p_client_ids[v_from:v_to], p_contents[v_from:v_to])
          WITH ORDINALITY AS u (session, id, client_id, content, i)
        JOIN sessions s ON s.id = u.session AND s.ended_at IS NULL
      )
      INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at, client_id, content_hash)
      SELECT v_room, v_seq + row_number() OVER (ORDER BY b.i), b.id, b.sender, b.content, v_at, b.client_id,
             CASE WHEN b.client_id IS NOT NULL THEN sha256(convert_to(b.content, 'UTF8')) END
      FROM b
      LEFT JOIN members p ON p.room_id = v_private AND p.user_id = b.sender
      LEFT JOIN messages m ON m.room_id = v_room AND m.sender_id = b.sender AND m.client_id = b.client_id
      LEFT JOIN removals x ON x.room_id = v_removed AND x.sender_id = b.sender AND x.client_id = b.client_id
      WHERE (v_private IS NULL OR p.user_id IS NOT NULL) AND m.id IS NULL AND x.message_id IS NULL;
      GET DIAGNOSTICS v_stored = ROW_COUNT;
      IF v_stored > 0 THEN
        UPDATE heads SET seq = v_seq + v_stored, last_at = v_at, changed = pg_current_xact_id() WHERE room_id = v_room;
      END IF;
      IF v_stored <= v_to - v_from THEN
        WITH b AS MATERIALIZED (
          SELECT u.id, u.client_id, u.content, v_from - 1 + u.i AS n, s.user_id AS sender
          FROM unnest(p_sessions[v_from:v_to], p_ids[v_from:v_to], p_client_ids[v_from:v_to], p_contents[v_from:v_to])
            WITH ORDINALITY AS u (session, id, client_id, content, i)
          LEFT JOIN sessions s ON s.id = u.session AND s.ended_at IS NULL
        ), judged AS (
          SELECT b.n, coalesce(m.id, x.message_id) AS id, coalesce(m.seq, x.message_seq) AS seq, coalesce(m.sent_at, x.sent_at) AS at,
                 CASE
                   WHEN b.sender IS NULL THEN 'unauthenticated'
                   WHEN v_private IS NOT NULL AND p.user_id IS NULL THEN 'not_found'
                   WHEN coalesce(m.id, x.message_id) IS NULL THEN 'gone'
                   WHEN coalesce(m.content_hash, x.content_hash) = sha256(convert_to(b.content, 'UTF8')) THEN 'duplicate'
                   ELSE 'mismatch'
                 END AS outcome
          FROM b
          LEFT JOIN messages stored ON stored.id = b.id
          LEFT JOIN members p ON p.room_id = v_private AND p.user_id = b.sender
          LEFT JOIN messages m ON m.room_id = v_room AND m.sender_id = b.sender AND m.client_id = b.client_id
          LEFT JOIN removals x ON x.room_id = v_removed AND x.sender_id = b.sender AND x.client_id = b.client_id
          WHERE stored.id IS NULL
        )
        SELECT json_agg(CASE j.outcome WHEN 'duplicate' THEN json_build_object('n', j.n, 'outcome', j.outcome, 'id', j.id, 'seq', j.seq, 'sentAt', j.at)
                                       ELSE json_build_object('n', j.n, 'outcome', j.outcome) END), bool_or(j.outcome = 'gone')
          INTO others, v_gone FROM judged j;
        -- What it repeats was there a moment ago: retention takes no lock on the room.
        IF v_gone THEN
          RAISE serialization_failure USING MESSAGE = 'what is repeated has just been purged';
        END IF;
      END IF;
    END IF;
    RETURN NEXT;
    v_from := v_to + 1;
  END LOOP;
END $$;

-- Removes messages of one room; the whole transaction of a removal is this one call. Each becomes an event with a seq of its own, in the order of
-- the messages, and a tombstone, from which nobody learns what it said.
--   removed  with the event's seq, the message's id and seq; without an event's where it was removed before
--   not_found  one that never was (or is gone for good), and one that is not p_by's, or in a room of others
--   unauthenticated  the session is not, or no longer, p_by's. No session (NULL): the operator removes, in whoever's name
CREATE OR REPLACE FUNCTION remove_messages(p_room uuid, p_seqs bigint[], p_by uuid, p_session uuid)
RETURNS TABLE (outcome text, seq bigint, id uuid, message_seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  v_seq bigint;
  v_at timestamptz;
BEGIN
  -- As in store_messages: what follows sees what was committed before the lock was granted. Whoever has nothing there to remove gets no lock: they
  -- could keep the room from those who write in it.
  PERFORM 1 FROM heads h WHERE h.room_id = p_room AND (p_session IS NULL OR EXISTS (
    SELECT FROM messages m WHERE m.room_id = p_room AND m.seq = ANY (p_seqs) AND m.sender_id = p_by)) FOR NO KEY UPDATE;
  SELECT h.seq, greatest(h.last_at, date_trunc('milliseconds', clock_timestamp())) INTO v_seq, v_at FROM heads h WHERE h.room_id = p_room;
  IF p_session IS NOT NULL AND NOT EXISTS (
    SELECT FROM sessions s WHERE s.id = p_session AND s.user_id = p_by AND s.ended_at IS NULL) THEN
    outcome := 'unauthenticated';
    RETURN NEXT;
    RETURN;
  END IF;
  RETURN QUERY
  WITH mine AS (
    SELECT FROM members p WHERE p.room_id = p_room AND p.user_id = p_by
  ), gone AS (
    DELETE FROM messages m WHERE m.room_id = p_room AND m.seq = ANY (p_seqs)
      AND (p_session IS NULL OR (m.sender_id = p_by AND EXISTS (SELECT FROM mine)))
    RETURNING m.*
  ), numbered AS (
    SELECT g.*, v_seq + row_number() OVER (ORDER BY g.seq) AS event_seq FROM gone g
  ), kept AS (
    INSERT INTO removals (room_id, seq, message_seq, message_id, sender_id, sent_at, client_id, content_hash, removed_at, removed_by)
    SELECT p_room, n.event_seq, n.seq, n.id, n.sender_id, n.sent_at, n.client_id, n.content_hash, v_at, p_by FROM numbered n
  ), moved AS (
    UPDATE heads h SET seq = n.last, removals = true, changed = pg_current_xact_id() FROM (SELECT max(event_seq) AS last FROM numbered) n
    WHERE h.room_id = p_room AND n.last IS NOT NULL
  )
  SELECT 'removed', n.event_seq, n.id, n.seq FROM numbered n
  UNION ALL
  SELECT 'removed', NULL, x.message_id, x.message_seq FROM removals x WHERE x.room_id = p_room AND x.message_seq = ANY (p_seqs)
    AND (p_session IS NULL OR (x.sender_id = p_by AND EXISTS (SELECT FROM mine)));
  IF NOT FOUND THEN
    outcome := 'not_found';
    RETURN NEXT;
  END IF;
END $$;

-- One step of removing all that somebody ever said, as those asked for who deleted their account (erasures): at most 500 messages, so that no room is
-- locked for long. NULL: nothing is left to do, or others are doing it. Else the room, who hears of it, and what was removed, if anything.
-- Where it ends, by a crash too, the next step goes on.
CREATE OR REPLACE FUNCTION erase_step() RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v erasures;
  v_mine bigint[];
  v_last bigint;
  v_removed json := '[]';
BEGIN
  SELECT * INTO v FROM erasures ORDER BY asked_at, user_id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  -- Others' are walked past faster: who makes and deletes accounts that never spoke must not keep everybody else's from being erased.
  WITH walked AS MATERIALIZED (
    SELECT m.seq, m.sender_id FROM messages m WHERE m.room_id = v.room_id AND m.seq > v.after_seq ORDER BY m.seq LIMIT 20000
  ), mine AS (
    SELECT w.seq FROM walked w WHERE w.sender_id = v.user_id ORDER BY w.seq LIMIT 500
  )
  SELECT array_agg(m.seq), CASE WHEN count(*) = 500 THEN max(m.seq) ELSE (SELECT max(w.seq) FROM walked w) END INTO v_mine, v_last FROM mine m;
  IF v_mine IS NOT NULL THEN
    SELECT coalesce(json_agg(json_build_object('seq', r.seq, 'id', r.id, 'messageSeq', r.message_seq) ORDER BY r.seq), '[]') INTO v_removed
    FROM remove_messages(v.room_id, v_mine, v.user_id, NULL) r WHERE r.seq IS NOT NULL;
  END IF;
  IF v_last IS NOT NULL THEN
    UPDATE erasures SET after_seq = v_last WHERE user_id = v.user_id;
  ELSE
    UPDATE erasures e SET after_seq = 0, room_id = next.room_id
    FROM (SELECT m.room_id FROM members m WHERE m.user_id = v.user_id AND m.room_id > v.room_id ORDER BY m.room_id LIMIT 1) next
    WHERE e.user_id = v.user_id;
    IF NOT FOUND THEN
      DELETE FROM erasures WHERE user_id = v.user_id;
    END IF;
  END IF;
  RETURN json_build_object('room', v.room_id, 'removed', v_removed, 'audience', (
    SELECT coalesce(json_agg(m.user_id), '[]') FROM members m JOIN rooms r ON r.id = m.room_id WHERE r.id = v.room_id AND r.kind <> 'global'));
END $$;

-- For the operator: how many days a room's messages are kept. 0: for ever; NULL: as the configuration says. False: there is no such room.
CREATE OR REPLACE FUNCTION set_retention(p_room uuid, p_days int) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF p_days < 0 THEN
    RAISE 'days must not be negative';
  END IF;
  UPDATE rooms SET retention_days = p_days WHERE id = p_room;
  RETURN FOUND;
END $$;

-- The rooms after one, at most 1,000 of them, and before when whatever was said there is to go: those where there is such. p_public and p_direct: days
-- for rooms that have none of their own; 0 is for ever. last: where to go on, NULL at the end.
CREATE OR REPLACE FUNCTION outdated(p_after uuid, p_public int, p_direct int, p_now timestamptz)
RETURNS TABLE (rooms json, last uuid)
LANGUAGE sql STABLE AS $$
  WITH these AS (
    SELECT r.id, coalesce(r.retention_days, CASE r.kind WHEN 'global' THEN p_public ELSE p_direct END) AS days
    FROM rooms r WHERE r.id > p_after ORDER BY r.id LIMIT 1000
  ), aged AS (
    SELECT s.id, p_now - s.days * interval '1 day' AS before FROM these s WHERE s.days > 0
  )
  SELECT (SELECT coalesce(json_agg(json_build_object('room', a.id, 'before', a.before)), '[]') FROM aged a
          WHERE (SELECT m.sent_at FROM messages m WHERE m.room_id = a.id ORDER BY m.seq LIMIT 1) < a.before
             OR (SELECT x.removed_at FROM removals x WHERE x.room_id = a.id ORDER BY x.seq LIMIT 1) < a.before),
         (SELECT s.id FROM these s ORDER BY s.id DESC LIMIT 1)
$$;

-- Deletes the oldest rows of a room, of those from before a time, at most 1,000 of each kind; how many, or NULL where another process is at it.
-- Nobody is told: what is that old is no news. No lock on the room: its end is not touched.
CREATE OR REPLACE FUNCTION purge(p_room uuid, p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_end bigint := seq_at(p_room, p_before);
  v_messages int;
  v_removals int;
  v_last bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7202613) THEN
    RETURN NULL;
  END IF;
  WITH gone AS (
    DELETE FROM messages WHERE room_id = p_room
      AND seq <= (SELECT max(o.seq) FROM (SELECT seq FROM messages WHERE room_id = p_room AND seq < v_end ORDER BY seq LIMIT 1000) o)
    RETURNING seq
  )
  SELECT count(*), max(seq) INTO v_messages, v_last FROM gone;
  WITH gone AS (
    DELETE FROM removals WHERE room_id = p_room AND seq = ANY (ARRAY(
      SELECT seq FROM removals WHERE room_id = p_room AND removed_at < p_before ORDER BY seq LIMIT 1000))
    RETURNING seq
  )
  SELECT count(*) INTO v_removals FROM gone;
  UPDATE rooms SET min_seq = v_last + 1 WHERE id = p_room AND min_seq <= v_last;
  RETURN v_messages + v_removals;
END $$;

-- The direct room of two people, made if it is not there; NULL where the other one is unknown, or either is inactive, or the session is not,
-- or no longer, of the first. No session (NULL) is the operator's.
-- ON CONFLICT waits for a rival that is making the same room; the SELECT after it has a fresh snapshot and finds the rival's.
CREATE OR REPLACE FUNCTION open_direct(p_new_id uuid, p_me uuid, p_other uuid, p_session uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_pair text := least(p_me, p_other) || ':' || greatest(p_me, p_other);
  v_id uuid;
BEGIN
  IF (SELECT count(*) FROM users WHERE id IN (p_me, p_other) AND disabled_at IS NULL) < 2
    OR (p_session IS NOT NULL AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = p_session AND s.user_id = p_me AND s.ended_at IS NULL)) THEN
    RETURN NULL;
  END IF;
  SELECT id INTO v_id FROM rooms WHERE pair = v_pair;
  IF FOUND THEN
    RETURN v_id;
  END IF;
  -- The lock waits for whoever disables either meanwhile, and then there is one less.
  IF (SELECT count(*) FROM (SELECT FROM users WHERE id IN (p_me, p_other) AND disabled_at IS NULL ORDER BY id FOR SHARE) u) < 2 THEN
    RETURN NULL;
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

-- Whether a name is somebody's, or was. Names with a letter beyond ASCII must also differ from all others by look (the skeleton).
CREATE OR REPLACE FUNCTION is_taken(p_folded text, p_skeleton text, p_ascii boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM users WHERE folded COLLATE "C" = p_folded OR (skeleton = p_skeleton AND NOT (ascii AND p_ascii)))
      OR EXISTS (SELECT FROM retired_names WHERE folded = sha256(convert_to(p_folded, 'UTF8'))
                    OR (skeleton = sha256(convert_to(p_skeleton, 'UTF8')) AND NOT (ascii AND p_ascii)))
$$;

-- Makes an account; false where the name is taken. The lock lets two look-alikes that sign up at once see each other, and a deletion that is
-- just giving the name up.
CREATE OR REPLACE FUNCTION add_account(p_user jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v users := jsonb_populate_record(NULL::users, p_user);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(v.skeleton, 1));
  IF is_taken(v.folded, v.skeleton, v.ascii) THEN
    RETURN false;
  END IF;
  INSERT INTO users (id, username, folded, skeleton, ascii, password, email)
  VALUES (v.id, v.username, v.folded, v.skeleton, v.ascii, v.password, v.email)
  ON CONFLICT (folded COLLATE "C") DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- What was said in the public room before is history, not news.
  INSERT INTO members (room_id, user_id, read_seq)
  SELECT r.id, v.id, h.seq FROM rooms r JOIN heads h ON h.room_id = r.id WHERE r.kind = 'global';
  RETURN true;
END $$;

-- The same, and its first session.
CREATE OR REPLACE FUNCTION sign_up(p_user jsonb, p_session jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF NOT add_account(p_user) THEN
    RETURN false;
  END IF;
  PERFORM start_session(p_session);
  RETURN true;
END $$;

-- Makes an admin of an active account. p_actor is the admin who does it, NULL the operator; so below.
CREATE OR REPLACE FUNCTION promote(p_user uuid, p_actor uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE users SET role = 'admin' WHERE id = p_user AND disabled_at IS NULL AND role <> 'admin';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO audit_log (actor_id, action, subject) VALUES (p_actor, 'made_admin', p_user);
  RETURN true;
END $$;

-- Makes an account, and an admin of it; false where the name is taken.
CREATE OR REPLACE FUNCTION add_admin(p_user jsonb, p_actor uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF NOT add_account(p_user) THEN
    RETURN false;
  END IF;
  INSERT INTO audit_log (actor_id, action, subject) VALUES (p_actor, 'account_made', (p_user->>'id')::uuid);
  RETURN promote((p_user->>'id')::uuid, p_actor);
END $$;

-- A link by which an active account gets a new password: for an hour, once, and the only one of its kind.
CREATE OR REPLACE FUNCTION make_reset(p_user uuid, p_token_hash bytea, p_actor uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM 1 FROM users WHERE id = p_user AND disabled_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM password_resets WHERE user_id = p_user OR expires_at < now();
  INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES (p_token_hash, p_user, now() + interval '1 hour');
  INSERT INTO audit_log (actor_id, action, subject) VALUES (p_actor, 'reset_link_made', p_user);
  RETURN true;
END $$;

-- The new password of whoever the link is for, which ends all sessions: their ids, or NULL where the link is not, or no longer, good, as it is when
-- the admin who made it is none any more: they could have kept it, another admin's too. The account is locked first, as by all that change a password.
CREATE OR REPLACE FUNCTION reset_password(p_token_hash bytea, p_password text) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_user uuid;
  v_ended json;
BEGIN
  SELECT u.id INTO v_user FROM password_resets r JOIN users u ON u.id = r.user_id
  WHERE r.token_hash = p_token_hash AND u.disabled_at IS NULL AND NOT EXISTS (
    SELECT FROM (SELECT a.actor_id FROM audit_log a WHERE a.subject = u.id AND a.action = 'reset_link_made' ORDER BY a.id DESC LIMIT 1) made
    JOIN users m ON m.id = made.actor_id WHERE m.role <> 'admin' OR m.disabled_at IS NOT NULL) FOR UPDATE OF u;
  DELETE FROM password_resets WHERE token_hash = p_token_hash AND user_id = v_user AND expires_at > now();
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE users SET password = p_password WHERE id = v_user;
  WITH ended AS (
    UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id() WHERE user_id = v_user AND ended_at IS NULL RETURNING id
  )
  SELECT coalesce(json_agg(id), '[]') INTO v_ended FROM ended;
  INSERT INTO audit_log (actor_id, action, subject) VALUES (v_user, 'reset_link_used', v_user);
  RETURN v_ended;
END $$;

-- False for an inactive user, and where the password is not any more the one that was verified (the hash in p_session's "verified"). A
-- log-in looks at the account before it hashes, which takes a while: the lock makes it wait for whoever disables the account or changes its
-- password meanwhile, and see it. It also lets no two log-ins count the account's sessions at once, of which there are 100 at most: the one
-- unused for the longest ends, and all processes see it by its "changed". "renewed" is a hash of the same password with today's parameters.
CREATE OR REPLACE FUNCTION start_session(p_session jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v sessions := jsonb_populate_record(NULL::sessions, p_session);
BEGIN
  PERFORM 1 FROM users u
  WHERE u.id = v.user_id AND u.disabled_at IS NULL AND u.password = coalesce(p_session->>'verified', u.password)
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF p_session->>'renewed' IS NOT NULL THEN
    UPDATE users SET password = p_session->>'renewed' WHERE id = v.user_id;
  END IF;
  UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id()
  WHERE ended_at IS NULL AND id IN (
    SELECT s.id FROM sessions s WHERE s.user_id = v.user_id AND s.ended_at IS NULL AND s.expires_at > v.issued_at
    ORDER BY s.issued_at DESC, s.id DESC OFFSET 99);
  INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
  VALUES (v.id, v.user_id, v.user_agent, v.issued_at, v.expires_at, v.jti);
  RETURN true;
END $$;

-- Whoever disables an account, and however, ends its sessions in the same transaction: nobody can forget to.
CREATE OR REPLACE FUNCTION end_sessions_of_disabled() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id() WHERE user_id = NEW.id AND ended_at IS NULL;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER users_disabled AFTER UPDATE OF disabled_at ON users
  FOR EACH ROW WHEN (NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION end_sessions_of_disabled();

-- What a session may change with the password that it has just shown: where that is still the password, and the session still lives. Both
-- stay so until the end of the transaction. The account first: two sessions of it at once would wait for each other.
CREATE OR REPLACE FUNCTION may_change_account(p_user uuid, p_session uuid, p_verified text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM 1 FROM users WHERE id = p_user AND password = p_verified AND disabled_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM 1 FROM sessions WHERE id = p_session AND user_id = p_user AND ended_at IS NULL FOR SHARE;
  RETURN FOUND;
END $$;

-- A new password, which ends all other sessions, and a link for another one: their ids, or NULL where the session may not (any more).
CREATE OR REPLACE FUNCTION change_password(p_user uuid, p_session uuid, p_verified text, p_password text) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_ended json;
BEGIN
  IF NOT may_change_account(p_user, p_session, p_verified) THEN
    RETURN NULL;
  END IF;
  UPDATE users SET password = p_password WHERE id = p_user;
  DELETE FROM password_resets WHERE user_id = p_user;
  WITH ended AS (
    UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id()
    WHERE user_id = p_user AND id <> p_session AND ended_at IS NULL RETURNING id
  )
  SELECT coalesce(json_agg(id), '[]') INTO v_ended FROM ended;
  RETURN v_ended;
END $$;

-- Leaves of an account what messages refer to: its id, under a name that nobody can have. Returns as change_password does, all sessions.
-- The old name is retired under the same lock under which names are taken. The locks on the rooms wait for messages that are being
-- stored: whoever is told that the account is gone hears no more of it.
CREATE OR REPLACE FUNCTION delete_account(p_user uuid, p_session uuid, p_verified text) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_ended json;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(skeleton, 1)) FROM users WHERE id = p_user;
  IF NOT may_change_account(p_user, p_session, p_verified) THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(json_agg(id), '[]') INTO v_ended FROM sessions WHERE user_id = p_user AND ended_at IS NULL;
  INSERT INTO retired_names (folded, skeleton, ascii)
  SELECT sha256(convert_to(folded, 'UTF8')), sha256(convert_to(skeleton, 'UTF8')), ascii FROM users WHERE id = p_user ON CONFLICT DO NOTHING;
  UPDATE users SET username = 'deleted-' || right(id::text, 8), folded = 'deleted-' || id, skeleton = 'deleted-' || id, ascii = true,
                   password = '', email = NULL, last_seen = NULL, role = 'user', disabled_at = now()
  WHERE id = p_user;
  UPDATE sessions SET user_agent = '' WHERE user_id = p_user;
  PERFORM 1 FROM heads h JOIN members m ON m.room_id = h.room_id WHERE m.user_id = p_user ORDER BY h.room_id FOR NO KEY UPDATE OF h;
  RETURN v_ended;
END $$;

-- The first seq of a room at or after a time (the head + 1 when all is older). Times never fall along a room, so that
-- halving finds it by the primary key, and messages need no index on time.
CREATE OR REPLACE FUNCTION seq_at(p_room uuid, p_time timestamptz) RETURNS bigint
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

-- A snapshot that somebody is to keep, once it can be kept; p_known is one that can. A crash of PostgreSQL takes back the numbers of transactions
-- that ended and never came to the disk (of those that failed, or do not wait for it), gives them to new ones, and whoever holds a snapshot
-- from before would take these for known. Whoever commits something waits until all before it is there.
CREATE OR REPLACE FUNCTION lasting(p_snapshot text, p_known text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF p_snapshot IS DISTINCT FROM p_known AND pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() THEN
    PERFORM set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'liquidchat', '');
  END IF;
  RETURN p_snapshot;
END $$;

-- What one person needs to come back, in the caller's snapshot. p_xmax and p_running are the snapshot up to which the person has been told
-- (NULL: nothing was); what it does not see is news.
--   streams  the 100 latest rooms as they stand, the public one first; more: there are others
--   news     every room with news, its head, and its news in order; without them where they are more than 500, or 2,000 or a megabyte in
--            all: what one answer costs must not depend on what somebody prepared
-- Commits of one room come in the order of their seq, so its news are its last rows: nobody walks through a room's past, and the
-- last row before its 500 last seqs tells whether there is more. A removed message is no news any more, its removal is.
DROP FUNCTION IF EXISTS catch_up(uuid, xid8, xid8[]);
CREATE FUNCTION catch_up(p_user uuid, p_xmax xid8, p_running xid8[])
RETURNS TABLE (streams json, more boolean, news json)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  v_all json[] := '{}';
  v_room record;
  v_news json;
  v_count int;
  v_bytes bigint;
  v_left_count int := 2000;
  v_left_bytes bigint := 1000000;
BEGIN
  WITH latest AS (
    SELECT r.id, r.kind, h.seq, h.last_at, me.read_seq
    FROM members me JOIN rooms r ON r.id = me.room_id JOIN heads h ON h.room_id = me.room_id
    WHERE me.user_id = p_user
    ORDER BY r.kind = 'global' DESC, h.last_at DESC, r.id DESC LIMIT 101
  ), shown AS (
    SELECT json_build_object(
      'room', l.id, 'kind', l.kind, 'head_seq', l.seq, 'updated_at', l.last_at, 'read_seq', l.read_seq,
      'participants', CASE WHEN l.kind = 'global' THEN '[]' ELSE (
        SELECT json_agg(json_build_object('id', u.id, 'username', u.username, 'last_seen', u.last_seen) ORDER BY u.created_at, u.id)
        FROM members o JOIN users u ON u.id = o.user_id WHERE o.room_id = l.id) END,
      'others_read_seq', CASE WHEN l.kind <> 'global' THEN (
        SELECT max(o.read_seq) FROM members o WHERE o.room_id = l.id AND o.user_id <> p_user) END,
      'unread_count', unread(l.id, p_user, l.read_seq),
      'last_message', (
        SELECT json_build_object('id', m.id, 'seq', m.seq, 'content', m.content, 'timestamp', m.sent_at, 'sender_id', m.sender_id)
        FROM messages m WHERE m.room_id = l.id ORDER BY m.seq DESC LIMIT 1)) AS room
    FROM (SELECT * FROM latest LIMIT 100) l
  )
  SELECT (SELECT coalesce(json_agg(s.room), '[]') FROM shown s), (SELECT count(*) > 100 FROM latest) INTO streams, more;
  -- A snapshot from the future is of another history, in which nothing is news.
  IF p_xmax <= pg_snapshot_xmax(pg_current_snapshot())::text::xid8 THEN
    FOR v_room IN
      SELECT h.room_id AS id, h.seq,
             coalesce((SELECT m.changed >= p_xmax OR m.changed = ANY (p_running)
                       FROM messages m WHERE m.room_id = h.room_id AND m.seq <= h.seq - 500 ORDER BY m.seq DESC LIMIT 1), false)
             OR coalesce((SELECT x.changed >= p_xmax OR x.changed = ANY (p_running)
                          FROM removals x WHERE x.room_id = h.room_id AND x.seq <= h.seq - 500 ORDER BY x.seq DESC LIMIT 1), false) AS more
      FROM members me JOIN heads h ON h.room_id = me.room_id
      WHERE me.user_id = p_user AND (h.changed >= p_xmax OR h.changed = ANY (p_running))
      ORDER BY h.last_at DESC
    LOOP
      v_news := NULL;
      IF v_left_count > 0 AND v_left_bytes > 0 AND NOT v_room.more THEN
        SELECT coalesce(json_agg(e ORDER BY e.seq), '[]'), count(*), coalesce(sum(octet_length(e.content)), 0) INTO v_news, v_count, v_bytes
        FROM (
          SELECT m.seq, m.id, m.sender_id, u.username, m.content, m.sent_at AS "sentAt", m.client_id AS "clientId", NULL::bigint AS "messageSeq"
          -- OFFSET 0: the room's rows first; by the index on changed every room would read the news of all.
          FROM (SELECT * FROM messages WHERE room_id = v_room.id AND seq > v_room.seq - 501 OFFSET 0) m JOIN users u ON u.id = m.sender_id
          WHERE m.changed >= p_xmax OR m.changed = ANY (p_running)
          UNION ALL
          SELECT x.seq, x.message_id, NULL, NULL, NULL, NULL, NULL, x.message_seq
          FROM (SELECT * FROM removals WHERE room_id = v_room.id AND seq > v_room.seq - 501 OFFSET 0) x
          WHERE x.changed >= p_xmax OR x.changed = ANY (p_running)
        ) e;
        v_left_count := v_left_count - v_count;
        v_left_bytes := v_left_bytes - v_bytes;
        IF v_left_count < 0 OR v_left_bytes < 0 THEN
          v_news := NULL;
        END IF;
      END IF;
      v_all := v_all || json_build_object('room', v_room.id, 'head', v_room.seq, 'events', v_news);
    END LOOP;
  END IF;
  news := array_to_json(v_all);
  RETURN NEXT;
END $$;

-- Others' messages above a mark, up to 1,000, among the 5,000 that follow it: somebody's own may be any number.
CREATE OR REPLACE FUNCTION unread(p_room uuid, p_user uuid, p_seq bigint) RETURNS int
LANGUAGE sql STABLE AS $$
  SELECT count(*)::int FROM (
    SELECT FROM (SELECT m.sender_id FROM messages m WHERE m.room_id = p_room AND m.seq > p_seq ORDER BY m.seq LIMIT 5000) m
    WHERE m.sender_id <> p_user LIMIT 1000) others
$$;

-- Raises how far a person has read a room, never beyond its head; no row where they take no part in it, or where the session is not, or no
-- longer, theirs (NULL: the operator). rose: it was not read so far before.
CREATE OR REPLACE FUNCTION mark_read(p_room uuid, p_user uuid, p_seq bigint, p_session uuid)
RETURNS TABLE (read_seq bigint, head_seq bigint, unread_count int, rose boolean)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
  SELECT m.read_seq, h.seq INTO read_seq, head_seq
  FROM members m JOIN heads h ON h.room_id = m.room_id WHERE m.room_id = p_room AND m.user_id = p_user
    AND (p_session IS NULL OR EXISTS (SELECT FROM sessions s WHERE s.id = p_session AND s.user_id = p_user AND s.ended_at IS NULL));
  IF NOT FOUND THEN
    RETURN;
  END IF;
  rose := least(p_seq, head_seq) > read_seq;
  IF rose THEN
    UPDATE members m SET read_seq = greatest(m.read_seq, least(p_seq, mark_read.head_seq))
    WHERE m.room_id = p_room AND m.user_id = p_user RETURNING m.read_seq INTO read_seq;
  END IF;
  -- In one statement, so as of one moment: whoever is told of a head that is older than the count adds what is above it a second time.
  SELECT h.seq, unread(p_room, p_user, read_seq) INTO head_seq, unread_count FROM heads h WHERE h.room_id = p_room;
  RETURN NEXT;
END $$;

-- A restored database can bring rows from ahead of its own transaction counter: no snapshot would ever count them as told. An embedded one
-- comes back with its counter, but not on the same spot of the disk.
CREATE OR REPLACE FUNCTION is_restored(p_mark text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM messages WHERE changed >= pg_snapshot_xmax(pg_current_snapshot())::text::xid8)
      OR EXISTS (SELECT FROM removals WHERE changed >= pg_snapshot_xmax(pg_current_snapshot())::text::xid8)
      OR EXISTS (SELECT FROM sessions WHERE changed >= pg_snapshot_xmax(pg_current_snapshot())::text::xid8)
      OR EXISTS (SELECT FROM deployment WHERE mark <> p_mark)
$$;

-- What clients hold of a restored database is of another epoch.
CREATE OR REPLACE FUNCTION mend_restored() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_next xid8 := pg_snapshot_xmax(pg_current_snapshot())::text::xid8;
BEGIN
  UPDATE messages SET changed = '0' WHERE changed >= v_next;
  UPDATE removals SET changed = '0' WHERE changed >= v_next;
  UPDATE sessions SET changed = '0' WHERE changed >= v_next;
  UPDATE heads SET changed = '0' WHERE changed >= v_next;
  UPDATE deployment SET epoch = gen_random_uuid();
END $$;

-- What clients must agree on for their cursors to mean anything: this database, this restore, this line of failovers.
CREATE OR REPLACE FUNCTION epoch() RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT left(md5(concat_ws(' ', d.id, d.epoch, (SELECT system_identifier FROM pg_control_system()),
                            -- The timeline, from where it is written now: what the last checkpoint noted is old for minutes after a failover.
                            CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END,
                            'messages'::regclass::oid)), 16)
  FROM deployment d
$$;

-- What an admin does to an account, with the password that they have just shown; what it changed is written down in the same transaction. NULL:
-- they may not, or no longer. outcome: done, not_found (also of a deleted account, which is nobody's), inactive (a link or a role for one that is disabled),
-- last_admin (nobody would be left to undo it; who has yet to set a password may never do). ended: the sessions that are over by it. One at a time:
-- of two last admins each could take the other for the one who stays. Both accounts are locked in the order in which open_direct does.
CREATE OR REPLACE FUNCTION administer(p_admin uuid, p_session uuid, p_verified text, p_act text, p_user uuid, p_token_hash bytea) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v users;
  v_ended json;
  v_changed boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7202614);
  PERFORM 1 FROM users WHERE id IN (p_admin, p_user) ORDER BY id FOR UPDATE;
  IF NOT is_admin_with(p_admin, p_session, p_verified) THEN
    RETURN NULL;
  END IF;
  SELECT * INTO v FROM users WHERE id = p_user AND folded <> 'deleted-' || id;
  IF NOT FOUND THEN
    RETURN json_build_object('outcome', 'not_found');
  END IF;
  IF v.disabled_at IS NOT NULL AND p_act IN ('reset_password', 'make_admin') THEN
    RETURN json_build_object('outcome', 'inactive');
  END IF;
  IF p_act IN ('disable', 'unmake_admin') AND v.role = 'admin'
    AND NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND disabled_at IS NULL AND password <> '' AND id <> p_user) THEN
    RETURN json_build_object('outcome', 'last_admin');
  END IF;
  WITH ended AS (
    UPDATE sessions SET ended_at = now(), changed = pg_current_xact_id()
    WHERE user_id = p_user AND ended_at IS NULL AND p_act IN ('disable', 'end_sessions') RETURNING id
  )
  SELECT coalesce(json_agg(id), '[]'), count(*) > 0 INTO v_ended, v_changed FROM ended;
  CASE p_act
    WHEN 'disable' THEN
      UPDATE users SET disabled_at = now() WHERE id = p_user AND disabled_at IS NULL;
      v_changed := FOUND;
      DELETE FROM password_resets WHERE user_id = p_user;
    WHEN 'enable' THEN
      UPDATE users SET disabled_at = NULL WHERE id = p_user AND disabled_at IS NOT NULL;
      v_changed := FOUND;
    WHEN 'end_sessions' THEN NULL;
    WHEN 'reset_password' THEN PERFORM make_reset(p_user, p_token_hash, p_admin);
    WHEN 'make_admin' THEN PERFORM promote(p_user, p_admin);
    WHEN 'unmake_admin' THEN
      UPDATE users SET role = 'user' WHERE id = p_user AND role = 'admin';
      v_changed := FOUND;
  END CASE;
  -- Making a link or an admin is written down by whatever does it.
  IF v_changed THEN
    INSERT INTO audit_log (actor_id, action, subject)
    VALUES (p_admin, CASE p_act WHEN 'disable' THEN 'disabled' WHEN 'enable' THEN 'enabled' WHEN 'end_sessions' THEN 'sessions_ended' ELSE 'unmade_admin' END, p_user);
  END IF;
  RETURN json_build_object('outcome', 'done', 'ended', v_ended);
END $$;

-- Whether a session is an active admin's who has just shown the password with this hash; it stays so until the end of the transaction.
CREATE OR REPLACE FUNCTION is_admin_with(p_admin uuid, p_session uuid, p_verified text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN may_change_account(p_admin, p_session, p_verified) AND EXISTS (SELECT FROM users WHERE id = p_admin AND role = 'admin');
END $$;

-- An admin removes a message of anyone. NULL: they may not, or no longer; else as remove_messages answers, and it is written down.
CREATE OR REPLACE FUNCTION remove_as_admin(p_admin uuid, p_session uuid, p_verified text, p_room uuid, p_seq bigint) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v record;
BEGIN
  IF NOT is_admin_with(p_admin, p_session, p_verified) THEN
    RETURN NULL;
  END IF;
  SELECT * INTO v FROM remove_messages(p_room, ARRAY[p_seq], p_admin, NULL);
  IF v.outcome = 'removed' AND v.seq IS NOT NULL THEN
    INSERT INTO audit_log (actor_id, action, subject, details)
    SELECT p_admin, 'message_removed', x.sender_id, json_build_object('room', p_room, 'message', x.message_id, 'seq', p_seq)
    FROM removals x WHERE x.room_id = p_room AND x.message_seq = p_seq;
  END IF;
  RETURN json_build_object('outcome', v.outcome, 'seq', v.seq, 'id', v.id, 'messageSeq', v.message_seq, 'audience', (
    SELECT coalesce(json_agg(m.user_id), '[]') FROM members m JOIN rooms r ON r.id = m.room_id WHERE r.id = p_room AND r.kind <> 'global'));
END $$;

-- That an admin looks into a conversation of others is written down, once an hour for each.
CREATE OR REPLACE FUNCTION note_reading(p_admin uuid, p_room uuid) RETURNS void
LANGUAGE sql VOLATILE AS $$
  INSERT INTO audit_log (actor_id, action, subject, details)
  SELECT p_admin, 'conversation_read', m.user_id, json_build_object('room', p_room)
  FROM members m JOIN rooms r ON r.id = m.room_id
  WHERE r.id = p_room AND r.kind <> 'global'
    AND NOT EXISTS (SELECT FROM audit_log a WHERE a.actor_id = p_admin AND a.action = 'conversation_read' AND a.subject = m.user_id
                      AND a.at > now() - interval '1 hour' AND a.details->>'room' = p_room::text)
    AND NOT EXISTS (SELECT FROM members mine WHERE mine.room_id = p_room AND mine.user_id = p_admin)
$$;
