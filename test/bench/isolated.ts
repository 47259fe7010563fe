/** What a message costs that comes alone: so much by itself, and so much for each socket that hears it. */
import type { Run, Scale } from "./case.ts";
import { startMeter } from "./processes.ts";
import type { Deploy } from "./servers.ts";
import { stageCrowd } from "./stage.ts";

const PER_SECOND = 10;

export async function isolated(deploy: Deploy, scale: Scale): Promise<Run> {
  const { us: us100 } = await ofOne(deploy, 100, scale);
  const { us: us1000 } = await ofOne(deploy, 1_000, scale);
  const { us: us4000, cores } = await ofOne(deploy, 4_000, scale);
  const usPerSocket = (us4000 - us1000) / 3_000;
  return { figures: { us: us100 - 100 * usPerSocket, usPerSocket, us100, us1000, us4000 }, cores };
}

/** First one message after the other, so that the code is compiled as in a server that has been running for a while. */
async function ofOne(deploy: Deploy, sockets: number, { warmUpMs, measureMs }: Scale) {
  const { figures, cores } = await stageCrowd(deploy, sockets, "global", async ({ servers }, crowd) => {
    await crowd.tell("talk", { senders: 1, rate: 0, inFlight: 1, rooms: [] });
    await Bun.sleep(warmUpMs);
    await crowd.tell("hush", {});
    await crowd.tell("talk", { senders: sockets, rate: PER_SECOND, inFlight: 1, rooms: [] });
    await Bun.sleep(500);
    await crowd.tell("look", {});
    const meter = startMeter([servers[0]!.pid], crowd.pid);
    await Bun.sleep(measureMs);
    const { echoes } = await crowd.tell("look", {});
    const { serverCpu, cores } = meter();
    return { figures: { us: (serverCpu * 1e6) / echoes }, cores };
  });
  return { us: figures.us!, cores };
}
