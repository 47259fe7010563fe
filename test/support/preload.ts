import { afterAll } from "bun:test";
import { cleanUp } from "./services.ts";

// Once, after the last file. A hundred folders of databases take a while to remove.
afterAll(cleanUp, 60_000);
