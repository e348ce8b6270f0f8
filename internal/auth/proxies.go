package auth

import (
	"fmt"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word is taken for whom they speak for. None of them trusts nobody.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks in CIDR notation, such as 10.0.0.0/8 and ::1.
func ParseProxies(networks []string) (Proxies, error) {
	var p Proxies
	for _, s := range networks {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q: expected an address or a network, such as 127.0.0.1 or 10.0.0.0/8", s)
			}
			network = netip.PrefixFrom(a, a.BitLen())
		}
		if network.Addr().Is4In6() && network.Bits() >= mappedBits {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mappedBits)
		}
		p = append(p, network.Masked())
	}
	return p, nil
}

// mappedBits are those before the IPv4 address in one that is mapped into IPv6 (RFC 4291, section 2.5.5.2).
const mappedBits = 96

// Trust reports whether a is one of the proxies.
func (p Proxies) Trust(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns where a request comes from that peer has sent, with these values of its X-Forwarded-For headers in their
// order. Each proxy adds at the right whom it got the request from, and what is further left anybody may have written: so it
// is read from the right, for as long as who says it is trusted. The answer is the first who is not; of a chain in which all
// are it is the first in the chain, and where a trusted proxy says what is no address, that proxy itself.
func (p Proxies) Client(peer netip.Addr, forwarded []string) netip.Addr {
	hop := peer
	for i := len(forwarded) - 1; i >= 0; i-- {
		for rest, more := forwarded[i], true; more; {
			if !p.Trust(hop) {
				return hop
			}
			var said string
			said, rest, more = cutLast(rest)
			if said == "" { // an empty element of a list says nothing (RFC 9110, section 5.6.1)
				continue
			}
			a := ParseAddress(said)
			if !a.IsValid() {
				return hop
			}
			hop = a
		}
	}
	return hop
}

// cutLast returns the last element of a list, what is before it, and whether there is anything.
func cutLast(list string) (last, before string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return strings.TrimSpace(list), "", false
	}
	return strings.TrimSpace(list[i+1:]), list[:i], true
}
