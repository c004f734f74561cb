/**
 * Addresses that a health check must not reach unless its target says so by name: whoever may write a target's URL could
 * otherwise have the router look around in the operator's own network, or at a cloud's metadata service.
 *
 * Judged at the address that a connection is about to use. A name or a spelling says nothing: `127.1`, `0x7f.1` and a name
 * that resolves inwards all end up at the same place.
 */
import { BlockList, isIP } from 'node:net'

/** From the IANA special-purpose registries (RFC 6890 and its successors): what is not a place on the public internet. */
export const INTERNAL_V4: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['0.0.0.0', 8, 'this network'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'carrier-grade NAT'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local, cloud metadata'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'protocol assignments'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, '6to4 relays'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'benchmarks'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved, broadcast'],
]

export const INTERNAL_V6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  // Also the IPv4 addresses inside IPv6 of the deprecated form ::a.b.c.d.
  ['::', 96, 'unspecified, loopback'],
  ['64:ff9b:1::', 48, 'local NAT64'],
  ['100::', 64, 'discard'],
  ['2001::', 23, 'protocol assignments, Teredo'],
  ['2001:db8::', 32, 'documentation'],
  // Tunnels: any IPv4 address can be inside.
  ['2002::', 16, '6to4'],
  ['3fff::', 20, 'documentation'],
  ['5f00::', 16, 'segment routing'],
  ['fc00::', 7, 'private'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'site-local'],
  ['ff00::', 8, 'multicast'],
]

const INTERNAL = blockList()

/** Whether an address is internal. Fails closed: what is not an address is internal too. */
export function isInternal(address: string): boolean {
  const zone = address.indexOf('%')
  const bare = zone === -1 ? address : address.slice(0, zone)
  const family = isIP(bare)
  if (family === 0) return true
  return INTERNAL.check(bare, family === 4 ? 'ipv4' : 'ipv6')
}

/** IPv4 ranges count in their mapped (`::ffff:0:0/96`) and translated (NAT64, `64:ff9b::/96`) forms as well. */
function blockList(): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of INTERNAL_V4) {
    list.addSubnet(network, prefix, 'ipv4')
    list.addSubnet(`::ffff:${network}`, 96 + prefix, 'ipv6')
    list.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
  }
  for (const [network, prefix] of INTERNAL_V6) list.addSubnet(network, prefix, 'ipv6')
  return list
}
