import { afterAll, afterEach, expect, setDefaultTimeout } from "bun:test";
import { unseen } from "./documents.ts";
import { cleanUp } from "./services.ts";
import { witnessLogs, wrongs } from "./witness.ts";

// For what hangs; how long a thing takes on a busy machine is no test. Bun forgets it after a file where the next one shares its process.
setDefaultTimeout(30_000);
afterEach(() => expect(wrongs.splice(0)).toEqual([]));

// After each file. Some leave gigabytes on a disk that may be slow.
afterAll(() => {
  cleanUp();
  witnessLogs();
  // What no file has seen `.ci/run` tells.
  if (process.env.CI) console.log(`documented, and not seen here: ${unseen().join(", ")}`);
}, 180_000);
