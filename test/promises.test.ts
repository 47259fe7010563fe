/** Every numbered promise of docs/protocol.md, on the embedded database and on PostgreSQL with Redis and two processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { accounts } from "./promises/accounts.ts";
import { ownAccount } from "./promises/accounts-own.ts";
import { conversations } from "./promises/conversations.ts";
import { edge } from "./promises/edge.ts";
import { everywhere } from "./promises/everywhere.ts";
import { frames } from "./promises/frames.ts";
import { history } from "./promises/history.ts";
import { leaving } from "./promises/leaving.ts";
import { roles } from "./promises/roles.ts";
import { limits } from "./promises/limits.ts";
import { removal } from "./promises/removal.ts";
import { programs } from "./promises/programs.ts";
import { restSends } from "./promises/rest-sends.ts";
import { oneSocket } from "./promises/one-socket.ts";
import { resuming } from "./promises/resuming.ts";
import { sockets } from "./promises/sockets.ts";
import { text } from "./promises/text.ts";
import { promisedNumbers } from "./support/promise.ts";
import { clusterRig, embeddedRig, type Rig } from "./support/server.ts";
import { haveServices } from "./support/services.ts";

const suites = {
  everywhere,
  accounts,
  ownAccount,
  roles,
  conversations,
  history,
  sockets,
  frames,
  restSends,
  removal,
  leaving,
  oneSocket,
  resuming,
  limits,
  text,
  edge,
  programs,
};
const tested = new Set<number>();

for (const [kind, start] of [
  ["embedded", embeddedRig],
  ["cluster", clusterRig],
] as const) {
  describe.skipIf(kind === "cluster" && !haveServices)(kind, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await start();
    });
    afterAll(() => rig.stop());
    for (const suite of Object.values(suites)) {
      suite(
        (numbers, title, body) => {
          for (const number of numbers) tested.add(number);
          test(`${numbers.join(", ")}: ${title}`, body, 30_000);
        },
        () => rig,
      );
    }
  });
}

test("every promise has a number of its own, and a test", () => {
  const numbers = promisedNumbers();
  expect(numbers.length).toBe(new Set(numbers).size);
  expect(numbers.filter((number) => !tested.has(number))).toEqual([]);
  expect([...tested].filter((number) => !numbers.includes(number))).toEqual([]);
});
