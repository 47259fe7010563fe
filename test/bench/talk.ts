/** A crowd that talks: what a delivery, a message and a wait cost. */
import type { Endpoint } from "../../src/protocol/frames.ts";
import type { Run, Scale } from "./case.ts";
import { startMeter } from "./processes.ts";
import type { Deploy } from "./servers.ts";
import { stageCrowd } from "./stage.ts";

/** `rate` messages a second, whoever answers; or none, and `inFlight` messages of each of `senders` under way. */
type Load = { sockets: number; rate?: number; senders?: number; inFlight?: number; endpoint?: Endpoint };

export const talk = (deploy: Deploy, load: Load, { warmUpMs, measureMs }: Scale): Promise<Run> =>
  stageCrowd(deploy, load.sockets, load.endpoint ?? "global", async ({ servers, people: { rooms } }, crowd) => {
    const { rate = 0, senders = load.sockets, inFlight = 1 } = load;
    await crowd.tell("talk", { rate, senders, inFlight, rooms });
    await Bun.sleep(warmUpMs);
    await crowd.tell("look", {});
    const pids = servers.map(({ pid }) => pid);
    const meter = startMeter(pids, crowd.pid);
    await Bun.sleep(measureMs);
    const { deliveries, echoes, latency } = await crowd.tell("look", {});
    const { wall, serverCpu, cores } = meter();
    const figures = {
      deliveriesPerSecond: deliveries / wall,
      deliveriesPerCpuSecond: deliveries / serverCpu,
      cpuUsPerDelivery: (serverCpu * 1e6) / deliveries,
      messagesPerSecond: echoes / wall,
      messagesPerCpuSecond: echoes / serverCpu,
      ...(await crowd.tell("hush", {})),
    };
    return { figures, latency, cores };
  });
