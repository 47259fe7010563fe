-- heads: every send updates one row; room on the page and no index on what changes keep the update HOT.
ALTER TABLE heads SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE rooms ADD CONSTRAINT rooms_kind CHECK (kind IN ('global', 'direct'));

INSERT INTO deployment DEFAULT VALUES;
CREATE UNIQUE INDEX deployment_one_row ON deployment ((true));

INSERT INTO rooms (id, kind) VALUES ('00000000-0000-4000-8000-000000000001', 'global');
INSERT INTO heads (room_id, seq, last_at) SELECT id, 0, created_at FROM rooms;
