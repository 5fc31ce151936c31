//! Where a request comes from: the address of its sender, as far as it is known.
//!
//! An address lives as long as its request. It is neither kept nor logged; [`crate::limits`] counts by it, and
//! [`crate::geo`] looks up its country.

use axum::http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

/// How many bits of an IPv6 address name a network, of which a household or a telephone has one (RFC 6177). Whoever has one has
/// all the addresses in it.
const IPV6_NETWORK_BITS: u32 = 64;

/// Who is at the other end of the connection. Put into a request's extensions by [`crate::serve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The address that a request comes from: what the operator's proxy says in `header`, else the peer's. None where there is no peer,
/// as in a test without sockets.
pub(crate) fn client(peer: Option<Peer>, headers: &HeaderMap, header: Option<&HeaderName>) -> Option<IpAddr> {
    let said = header.and_then(|name| last_of(headers, name));
    said.or_else(|| peer.map(|Peer(address)| address)).map(|address| address.to_canonical())
}

/// What all addresses that one client has at hand have in common.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << (128 - IPV6_NETWORK_BITS))).into()),
    }
}

/// The last address in the last header of that name. A proxy adds at the end, so whatever stands before it may be the client's
/// own invention.
fn last_of(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let text = headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    let in_brackets = || text.trim_start_matches('[').trim_end_matches(']').parse();
    text.parse().or_else(|_| with_port()).or_else(|_| in_brackets()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: HeaderName = HeaderName::from_static("x-forwarded-for");

    fn check(said: &[&str], expected: &str) {
        let peer = Some(Peer("192.0.2.1".parse().unwrap()));
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append(HEADER, value.parse().unwrap());
        }
        let found = client(peer, &headers, Some(&HEADER)).unwrap();
        assert_eq!(found.to_string(), expected, "{said:?}");
    }

    #[test]
    fn the_proxys_word_is_the_last_one_and_counts_only_where_there_is_a_proxy() {
        check(&["198.51.100.7"], "198.51.100.7");
        check(&["203.0.113.9, 198.51.100.7"], "198.51.100.7");
        check(&["203.0.113.9", "198.51.100.7:4711"], "198.51.100.7");
        check(&["2001:db8::1"], "2001:db8::1");
        check(&["[2001:db8::1]"], "2001:db8::1");
        check(&["[2001:db8::1]:443"], "2001:db8::1");
        check(&["::ffff:198.51.100.7"], "198.51.100.7");
        check(&[], "192.0.2.1");
        check(&["unknown"], "192.0.2.1");
        check(&["198.51.100.7,"], "192.0.2.1");
        let headers = HeaderMap::from_iter([(HEADER, "198.51.100.7".parse().unwrap())]);
        assert_eq!(client(None, &headers, None), None);
        let peer = Some(Peer("192.0.2.1".parse().unwrap()));
        assert_eq!(client(peer, &headers, None).unwrap().to_string(), "192.0.2.1");
    }

    #[test]
    fn a_household_has_one_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("198.51.100.7"), "198.51.100.7");
    }
}
