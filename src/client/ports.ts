/** The world as the client sees it. Only this file touches time, chance and the network, so that tests can turn them by hand. */

export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, in `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
};

/** What the client uses of a fetch. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal: any; keepalive?: boolean },
) => Promise<{ status: number; headers: { get(name: string): string | null }; json(): Promise<unknown> }>;

/** What the client uses of a WebSocket. The events are `any` because a browser's have far more than is asked for here. */
export type Socket = {
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  /** 1 while it is open. */
  readonly readyState?: number;
  send(data: string): void;
  close(code?: number): void;
};

export type Ports = {
  clock: Clock;
  /** From 0 to 1, 1 excluded. */
  random(): number;
  /** Never the same twice; 1 to 64 characters. */
  randomId(): string;
  fetch: Fetch;
  WebSocket: new (url: string, protocols: string[]) => Socket;
};

/** The ports of a browser, Bun, or Node from 22 on; older Nodes have no WebSocket and must be given one. */
export function systemPorts(): Ports {
  return {
    clock: {
      now: () => Date.now(),
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
    random: () => Math.random(),
    // Not crypto.randomUUID: browsers hide it from pages served over plain HTTP, as on a LAN.
    randomId: () =>
      Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    // Looked up at each call, and called as a property of the global object, without which browsers refuse.
    fetch: (url, init) => globalThis.fetch(url, init),
    WebSocket: globalThis.WebSocket as unknown as Ports["WebSocket"],
  };
}
