import { BlockList, isIP } from "node:net";

/**
 * Whether an IP address is a public one: not private, loopback, link-local, shared, multicast, reserved, nor one of those that
 * cloud providers answer their instances' metadata on. IPv4 addresses in IPv6 notation count as what they are; other ways of
 * wrapping IPv4 (NAT64, 6to4, Teredo) are not public.
 *
 * Source: the IANA registries of special-purpose addresses (RFC 6890 and its updates).
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, "ipv4");
    case 6:
      // A mapped address is looked up among the IPv4 blocks by the list itself.
      return mapped.check(address, "ipv6")
        ? !special.check(address, "ipv6")
        : globalUnicast.check(address, "ipv6") && !special.check(address, "ipv6");
    default:
      return false;
  }
}

const special = new BlockList();
for (const block of [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT; metadata at Alibaba
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's platform services
  "169.254.0.0/16", // link-local; metadata nearly everywhere
  "172.16.0.0/12",
  "192.0.0.0/24", // metadata at Oracle
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // Inside IPv6's global unicast space:
  "2001::/23", // protocol assignments, Teredo
  "2001:db8::/32",
  "2002::/16", // 6to4
  "3fff::/20",
]) {
  addBlock(special, block);
}

/** The only part of IPv6 that is handed out for public use. */
const globalUnicast = new BlockList();
addBlock(globalUnicast, "2000::/3");

const mapped = new BlockList();
addBlock(mapped, "::ffff:0:0/96");

function addBlock(list: BlockList, block: string): void {
  const [network = "", prefix] = block.split("/");
  list.addSubnet(network, Number(prefix), network.includes(":") ? "ipv6" : "ipv4");
}
