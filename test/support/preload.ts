import { afterAll } from "bun:test";
import { cleanUp } from "./services.ts";

// Once, after the last file.
afterAll(cleanUp);
