import { afterAll, afterEach, expect } from "bun:test";
import { unseen } from "./documents.ts";
import { cleanUp } from "./services.ts";
import { witnessLogs, wrongs } from "./witness.ts";

afterEach(() => expect(wrongs.splice(0)).toEqual([]));

// Once, after the last file. A whole run leaves gigabytes on a disk that may be slow.
afterAll(() => {
  cleanUp();
  witnessLogs();
  // Of a whole run: some hundred are seen.
  if (process.env.CI) console.log(`documented, and never seen by a test: ${unseen().join(", ") || "nothing"}`);
}, 180_000);
