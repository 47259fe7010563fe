import { BlockList, isIP } from "node:net";

export type Network = { address: string; bits: number; family: "ipv4" | "ipv6" };
type Client = { address: string; url: URL };

/**
 * Who a request comes from and what URL its client sees. `X-Forwarded-*` counts only from a trusted proxy, and of the list of
 * addresses only the right-most that is not itself one: all left of it is what a stranger may have written.
 */
export function createClientReader(trusted: readonly Network[]) {
  const proxies = new BlockList();
  for (const { address, bits, family } of trusted) proxies.addSubnet(address, bits, family);
  const isProxy = (address: string) => proxies.check(address, address.includes(":") ? "ipv6" : "ipv4");

  return function readClient(request: Request, peer: string): Client {
    const url = new URL(request.url);
    let address = unmapped(peer);
    if (!trusted.length || !isProxy(address)) return { address, url };
    const hops = (request.headers.get("x-forwarded-for") ?? "").split(",").map((hop) => unmapped(bare(hop.trim())));
    for (let hop = hops.pop(); hop && isIP(hop) && isProxy(address); hop = hops.pop()) address = hop;
    const proto = request.headers.get("x-forwarded-proto");
    if (proto === "https" || proto === "http") url.protocol = proto;
    const host = request.headers.get("x-forwarded-host");
    if (host && /^[\w.-]+(:\d+)?$/.test(host)) {
      url.port = "";
      url.host = host;
    }
    return { address, url };
  };
}

/**
 * What counts as one client where addresses are counted: one household has a whole IPv6 /64, and counting its addresses one by one
 * would be no limit.
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = [], tail = []] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}

/** Some proxies write the client's port too: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function bare(hop: string): string {
  return hop.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1");
}

/** An IPv4 client of a dual-stack socket shows up as `::ffff:a.b.c.d`. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
