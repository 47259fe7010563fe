ALTER TABLE "deployment" ADD COLUMN "epoch" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
ALTER TABLE "deployment" ADD COLUMN "mark" text;--> statement-breakpoint
ALTER TABLE "heads" ADD COLUMN "changed" "xid8" DEFAULT pg_current_xact_id() NOT NULL;
--> statement-breakpoint
-- From now on everyone takes part in the public room, as in any other.
INSERT INTO members (room_id, user_id, read_seq)
SELECT r.id, u.id, h.seq FROM rooms r JOIN heads h ON h.room_id = r.id CROSS JOIN users u WHERE r.kind = 'global';
