/** Fresh servers and a crowd at their door; taken down afterwards. */
import type { Endpoint } from "../../src/protocol/frames.ts";
import type { Run } from "./case.ts";
import { type Crowd, startCrowd } from "./crowd.ts";
import type { Deploy, Deployment } from "./servers.ts";

type Scene = (deployment: Deployment, crowd: Crowd) => Promise<Run>;

export async function stage(deploy: Deploy, people: number, scene: Scene): Promise<Run> {
  const deployment = await deploy(people);
  const crowd = await startCrowd();
  try {
    return await scene(deployment, crowd);
  } finally {
    await crowd.stop();
    await deployment.stop();
  }
}

/** How all of them come in. */
export const everyone = ({ servers, people }: Deployment, endpoint: Endpoint) => ({
  urls: servers.map(({ url }) => url),
  tokens: people.tokens,
  endpoint,
  atOnce: 64,
  resume: true,
  keepPresence: false,
});

/** The same, when everyone is in and has calmed down. */
export const stageCrowd = (deploy: Deploy, people: number, endpoint: Endpoint, scene: Scene): Promise<Run> =>
  stage(deploy, people, async (deployment, crowd) => {
    await crowd.tell("open", everyone(deployment, endpoint));
    await crowd.tell("quiet", { ms: 1_000 });
    return scene(deployment, crowd);
  });
