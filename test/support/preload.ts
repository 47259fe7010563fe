import { afterAll } from "bun:test";
import { cleanUp } from "./services.ts";

// Once, after the last file. A whole run leaves gigabytes on a disk that may be slow.
afterAll(cleanUp, 60_000);
