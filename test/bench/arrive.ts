/** People who come, and stay without saying a word. */
import type { Endpoint } from "../../src/protocol/frames.ts";
import type { Run } from "./case.ts";
import { residentBytes, startMeter } from "./processes.ts";
import type { Deploy } from "./servers.ts";
import { everyone, stage } from "./stage.ts";

/** What the server's memory grows by for each socket that does nothing. */
export const idle = (deploy: Deploy, endpoint: Endpoint, sockets: number): Promise<Run> =>
  stage(deploy, sockets, async (deployment, crowd) => {
    const { pid } = deployment.servers[0]!;
    const empty = residentBytes(pid);
    const meter = startMeter([pid], crowd.pid);
    const { up } = await crowd.tell("open", everyone(deployment, endpoint));
    await crowd.tell("quiet", { ms: 5_000 });
    return { figures: { bytesPerSocket: (residentBytes(pid) - empty) / up, empty, up }, cores: meter().cores };
  });

/** Handshakes, until the `hello` of the one socket, which comes after a look at the session. The first fifth warms the server up. */
export const handshakes = (deploy: Deploy, endpoint: Endpoint, sockets: number): Promise<Run> =>
  stage(deploy, sockets, async (deployment, crowd) => {
    const order = { ...everyone(deployment, endpoint), resume: false };
    const first = sockets / 5;
    await crowd.tell("open", { ...order, tokens: order.tokens.slice(0, first) });
    const meter = startMeter([deployment.servers[0]!.pid], crowd.pid);
    const { failures, seconds } = await crowd.tell("open", { ...order, tokens: order.tokens.slice(first) });
    const { serverCpu, cores } = meter();
    const count = sockets - first;
    return { figures: { perSecond: count / seconds, perCpuSecond: count / serverCpu, failures }, cores };
  });

/** Everyone comes at once to a server that has just started, and learns who is there. */
export const storm = (deploy: Deploy, people: number): Promise<Run> =>
  stage(deploy, people, async (deployment, crowd) => {
    const meter = startMeter([deployment.servers[0]!.pid], crowd.pid);
    const {
      up,
      failures,
      seconds: openAfter,
    } = await crowd.tell("open", { ...everyone(deployment, "chat"), keepPresence: true });
    const { seconds: quietAfter, untold } = await crowd.tell("quiet", { ms: 1_500 });
    const { serverCpu, cores } = meter();
    const lost = people - up + untold.reduce((sum, n) => sum + n, 0);
    return { figures: { serverCpu, openAfter, quietAfter, lost, failures }, cores };
  });
