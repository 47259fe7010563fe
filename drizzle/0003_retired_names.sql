CREATE TABLE "retired_names" (
	"folded" "bytea" PRIMARY KEY NOT NULL,
	"skeleton" "bytea" NOT NULL,
	"ascii" boolean NOT NULL
);
--> statement-breakpoint
CREATE INDEX "retired_names_skeleton" ON "retired_names" USING btree ("skeleton");