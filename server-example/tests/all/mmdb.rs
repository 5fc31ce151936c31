//! Writes a MaxMind DB (format 2.0), as small as can be: <https://maxmind.github.io/MaxMind-DB/>.

use std::net::Ipv4Addr;

/// How far the first twelve bytes of an IPv4 address in an IPv6 tree go, in bits: all zero.
const IPV4_START_BITS: usize = 96;
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// A file in which each network has that country, and that part of it.
pub(crate) fn mmdb(networks: &[(&str, u32, &str, Option<&str>)]) -> Vec<u8> {
    let mut tree = Tree { nodes: vec![[Record::Nothing; 2]] };
    let mut data = Vec::new();
    for (address, prefix, country, part) in networks {
        let bits = address.parse::<Ipv4Addr>().unwrap().to_bits();
        let network = (0..*prefix).map(|bit| bits >> (31 - bit) & 1 == 1);
        let path: Vec<bool> = std::iter::repeat_n(false, IPV4_START_BITS).chain(network).collect();
        tree.insert(&path, data.len());
        data.extend(record(country, *part));
    }
    let mut file = tree.bytes();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(MARKER);
    file.extend(metadata(tree.nodes.len()));
    file
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

struct Tree {
    nodes: Vec<[Record; 2]>,
}

impl Tree {
    fn insert(&mut self, path: &[bool], data: usize) {
        let (last, path) = path.split_last().unwrap();
        let mut node = 0;
        for bit in path {
            let next = match self.nodes[node][usize::from(*bit)] {
                Record::Node(next) => next,
                Record::Nothing => {
                    self.nodes.push([Record::Nothing; 2]);
                    self.nodes.len() - 1
                }
                Record::Data(_) => panic!("the networks overlap"),
            };
            self.nodes[node][usize::from(*bit)] = Record::Node(next);
            node = next;
        }
        self.nodes[node][usize::from(*last)] = Record::Data(data);
    }

    /// Records of 24 bits.
    fn bytes(&self) -> Vec<u8> {
        let number = |record: &Record| match record {
            Record::Node(node) => *node,
            Record::Nothing => self.nodes.len(),
            Record::Data(offset) => self.nodes.len() + 16 + offset,
        };
        let records = self.nodes.iter().flatten().map(number);
        records.flat_map(|number| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec()).collect()
    }
}

fn record(country: &str, part: Option<&str>) -> Vec<u8> {
    let code = |code: &str| map(&[("iso_code", string(code))]);
    let mut fields = vec![("country", code(country))];
    if let Some(part) = part {
        // An array with one entry; its type is one of those that need a second byte.
        fields.push(("subdivisions", [vec![1, 4], code(part)].concat()));
    }
    map(&fields)
}

fn metadata(nodes: usize) -> Vec<u8> {
    map(&[
        ("binary_format_major_version", uint16(2)),
        ("binary_format_minor_version", uint16(0)),
        ("build_epoch", vec![1, 2, 1]),
        ("database_type", string("Test-City")),
        ("description", map(&[("en", string("For a test"))])),
        ("ip_version", uint16(6)),
        ("languages", vec![0, 4]),
        ("node_count", [vec![6 << 5 | 4], u32::try_from(nodes).unwrap().to_be_bytes().to_vec()].concat()),
        ("record_size", uint16(24)),
    ])
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![7 << 5 | u8::try_from(fields.len()).unwrap()];
    for (name, value) in fields {
        bytes.extend(string(name));
        bytes.extend(value);
    }
    bytes
}

/// Of fewer than 29 bytes, whose length fits the first byte.
fn string(text: &str) -> Vec<u8> {
    assert!(text.len() < 29, "{text}");
    [&[2 << 5 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn uint16(number: u8) -> Vec<u8> {
    vec![5 << 5 | 1, number]
}
