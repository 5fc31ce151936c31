//! Which addresses a message may go to. A site's administrator says where, and must not reach through this server what only this server
//! can reach: its own machine, its network, its cloud's metadata.
//!
//! An address is refused for what it is, however it is written: names and numbers are resolved before, and the forms of IPv6 that stand
//! for an address of IPv4 count as that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Where messages may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses, over TLS.
    #[default]
    Public,
    /// Anywhere, without TLS too: for an operator whose receivers are in their own network, and for tests.
    Anywhere,
}

/// Why a text is no [`Reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `public` or `anywhere`")]
pub struct ReachError;

impl FromStr for Reach {
    type Err = ReachError;

    fn from_str(text: &str) -> Result<Self, ReachError> {
        match text {
            "public" => Ok(Self::Public),
            "anywhere" => Ok(Self::Anywhere),
            _ => Err(ReachError),
        }
    }
}

impl Reach {
    /// Whether a message may go to that address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Anywhere => true,
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By IANA's registry of special-purpose addresses (RFC 6890), and multicast (RFC 5771).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    if is_special {
        return false;
    }
    match address.octets() {
        // "This network", and shared by a provider's customers (RFC 6598).
        [0, ..] | [100, 64..=127, ..] => false,
        // Protocol assignments, relays of 6to4 (RFC 7526), and AS112 (RFC 7534, 7535).
        [192, 0, 0, _] | [192, 88, 99, _] | [192, 31, 196, _] | [192, 175, 48, _] | [192, 52, 193, _] => false,
        // Benchmarking (RFC 2544), and what is reserved, broadcast among it.
        [198, 18..=19, ..] | [240..=255, ..] => false,
        _ => true,
    }
}

/// By IANA's registry: global unicast addresses but for special ones, and what stands for a public address of IPv4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = inner_v4(address) {
        return is_public_v4(inner);
    }
    match address.segments() {
        // Protocol assignments, Teredo among them (RFC 2928, 4380), and documentation (RFC 3849, 9637).
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Direct delegation of AS112 (RFC 7535).
        [0x2620, 0x004f, 0x8000, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        // Loopback, unspecified, unique local, link-local, site-local, multicast, segment routing, discard, NAT64 of one's own (RFC 8215).
        _ => false,
    }
}

/// The address of IPv4 that one of IPv6 leads to: mapped (RFC 4291), compatible, by NAT64 (RFC 6052), by 6to4 (RFC 3056).
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        for (address, public) in [
            ("93.184.215.14", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("100.128.0.1", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("198.17.255.255", true),
            ("198.20.0.1", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("239.255.255.250", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001:80b::200e", true),
            ("2001:200::1", true),
            ("::", false),
            ("::1", false),
            ("::2", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false),
            ("2001:db8::1", false),
            ("2001:10::1", false),
            ("3fff:fff::1", false),
            ("3fff:1000::1", true),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd12:3456:789a::1", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("4000::1", false),
            // What stands for an address of IPv4.
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("::10.1.2.3", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::192.168.0.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("2002:7f00:1::", false),
            ("2002:c0a8:101::1", false),
            ("2002:a9fe:a9fe::1", false),
            ("2002:101:101::1", true),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Reach::Public.allows(address), public, "{address}");
            assert!(Reach::Anywhere.allows(address), "{address}");
        }
    }
}
