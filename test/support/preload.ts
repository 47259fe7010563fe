import { afterAll, afterEach, expect } from "bun:test";
import { cleanUp } from "./services.ts";
import { witnessLogs, wrongs } from "./witness.ts";

afterEach(() => expect(wrongs.splice(0)).toEqual([]));

// Once, after the last file. A whole run leaves gigabytes on a disk that may be slow.
afterAll(() => {
  cleanUp();
  witnessLogs();
}, 60_000);
