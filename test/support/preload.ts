import { afterAll, afterEach, expect } from "bun:test";
import { cleanUp } from "./services.ts";
import { witnessLogs, wrongs } from "./witness.ts";

afterEach(() => expect(wrongs.splice(0)).toEqual([]));

// Once, after the last file.
afterAll(() => {
  cleanUp();
  witnessLogs();
}, 30_000);
