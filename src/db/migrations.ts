import tables from "../../drizzle/0000_tables.sql" with { type: "text" };
import firstRows from "../../drizzle/0001_functions.sql" with { type: "text" };
import resume from "../../drizzle/0002_resume.sql" with { type: "text" };
import retiredNames from "../../drizzle/0003_retired_names.sql" with { type: "text" };
import roles from "../../drizzle/0006_roles.sql" with { type: "text" };
import search from "../../drizzle/0004_search.sql" with { type: "text" };
import removals from "../../drizzle/0005_removals.sql" with { type: "text" };
import functions from "../../drizzle/functions.sql" with { type: "text" };

/** Every migration, oldest first, as text inside the program: a compiled one carries them along. */
export const MIGRATIONS: readonly { id: string; sql: string }[] = [
  { id: "0000_tables", sql: tables },
  { id: "0001_functions", sql: firstRows },
  { id: "0002_resume", sql: resume },
  { id: "0003_retired_names", sql: retiredNames },
  { id: "0004_search", sql: search },
  { id: "0005_removals", sql: removals },
  { id: "0006_roles", sql: roles },
];

/** Run whenever they have changed. */
export const FUNCTIONS: string = functions;
