import { expect, test } from "bun:test";
import { join } from "node:path";

const program = `
  import { roomForSockets } from ${JSON.stringify(join(import.meta.dir, "../../src/ops/open-files.ts"))};
  const told = [];
  const room = roomForSockets(20_000, { info: (about) => told.push(about) });
  console.log(JSON.stringify([room, told]));
`;
const under = (limit: number) =>
  JSON.parse(Bun.spawnSync(["sh", "-c", `ulimit -n ${limit} && exec "$0" -e "$1"`, process.execPath, program]).stdout.toString()); // prettier-ignore

test.skipIf(process.platform !== "linux")(
  "sockets leave a thousand descriptors to the rest of the process, and the operator is told",
  () => {
    expect(under(3_000)).toEqual([2_000, [{ openFiles: 3_000 }]]);
    // Too few for both: the sockets get what there is.
    expect(under(1_200)).toEqual([1_000, [{ openFiles: 1_200 }]]);
  },
);
