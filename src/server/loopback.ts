import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Whether a host name or an IP address, with or without brackets, can only mean this machine. `localhost` and the names below
 * it count (RFC 6761); no other name does, whatever it resolves to.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  switch (isIP(bare)) {
    case 4:
      return loopback.check(bare, "ipv4");
    case 6:
      // Also IPv4 addresses in IPv6 notation.
      return loopback.check(bare, "ipv6");
    default:
      return bare === "localhost" || bare.endsWith(".localhost");
  }
}
