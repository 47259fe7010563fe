CREATE TABLE "erasures" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"asked_at" timestamp with time zone DEFAULT now() NOT NULL,
	"room_id" uuid DEFAULT '00000000-0000-0000-0000-000000000000' NOT NULL,
	"after_seq" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "removals" (
	"room_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"message_seq" bigint NOT NULL,
	"message_id" uuid NOT NULL,
	"sender_id" uuid NOT NULL,
	"sent_at" timestamp with time zone NOT NULL,
	"client_id" text,
	"content_hash" "bytea",
	"removed_at" timestamp with time zone NOT NULL,
	"removed_by" uuid,
	"changed" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "removals_room_id_seq_pk" PRIMARY KEY("room_id","seq")
);
--> statement-breakpoint
ALTER TABLE "heads" ADD COLUMN "removals" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "retention_days" integer;--> statement-breakpoint
ALTER TABLE "rooms" ADD COLUMN "min_seq" bigint DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "removals_message" ON "removals" USING btree ("room_id","message_seq");--> statement-breakpoint
CREATE UNIQUE INDEX "removals_id" ON "removals" USING btree ("message_id");--> statement-breakpoint
CREATE UNIQUE INDEX "removals_client_id" ON "removals" USING btree ("room_id","sender_id","client_id") WHERE client_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX "removals_changed" ON "removals" USING btree ("changed");