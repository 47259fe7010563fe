import type { Bus } from "./bus.ts";

/** For a process that is alone: there is nobody to tell, and it always hears itself. */
export function createLocalBus(): Bus {
  let echo = () => {};
  return {
    publish: () => echo(),
    subscribe: async (_handler, onEcho) => {
      echo = onEcho;
    },
    others: async () => 0,
    isUp: () => true,
    close: async () => {},
  };
}
