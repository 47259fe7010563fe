import type { Refusal } from "../errors.ts";

/** Work that takes turns: of each key `atOnce` run, the next ones wait in their order, and beyond `waiting` of them it is refused. */
export function createTurns(atOnce: number, waiting: number, refusal: () => Refusal) {
  const lanes = new Map<string, { running: number; queue: (() => void)[] }>();

  async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const lane = lanes.get(key) ?? { running: 0, queue: [] };
    lanes.set(key, lane);
    if (lane.running < atOnce) lane.running++;
    else if (lane.queue.length >= waiting) throw refusal();
    else await new Promise<void>((go) => lane.queue.push(go));
    try {
      return await work();
    } finally {
      const next = lane.queue.shift();
      if (next) next();
      else if (--lane.running === 0) lanes.delete(key);
    }
  }
  return Object.assign(inTurn, {
    waiting: () => lanes.values().reduce((sum, { queue }) => sum + queue.length, 0),
  });
}
