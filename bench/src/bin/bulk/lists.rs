//! The lists: whom everybody is asked about, and by which ids.
//!
//! Ten million of them are asked about. Nineteen in twenty are among the ten million who are known. Each has a UUID, a number as a database
//! counts (*counted*: some are missing), and a number that is nobody's next (*scattered*).
//!
//! For the others they are written to a folder: `uuids-known`, `counted-known` and `scattered-known` ascending, `allowed` with a byte for each
//! who is known (by UUID; the numbers ascend as the UUIDs do), `uuids-random` in no order, and `uuids-sorted`, `counted-sorted` and
//! `scattered-sorted` ascending. Numbers have their lowest byte first.

use std::fs;
use std::path::Path;

use anyhow::Result;
use consentry_bench::population::Population;
use consentry_core::DeviceId;
use fastrand::Rng;

/// Of twenty, so many are known.
const KNOWN: u64 = 19;
/// Of the numbers that a database has counted up, so many in a hundred are still there.
const COUNTED: u64 = 64;

pub(crate) struct Lists {
    /// Everybody who is known, ascending.
    pub(crate) known: Vec<DeviceId>,
    pub(crate) counted_known: Vec<u64>,
    pub(crate) scattered_known: Vec<u64>,
    /// Who is asked about, in no order.
    pub(crate) random: Vec<DeviceId>,
    /// The same, ascending.
    pub(crate) sorted: Vec<DeviceId>,
    pub(crate) counted: Vec<u64>,
    pub(crate) scattered: Vec<u64>,
}

impl Lists {
    pub(crate) fn new(population: &Population, subjects: u64, rng: &mut Rng) -> Self {
        let strangers = subjects - subjects * KNOWN / 20;
        let of = |number: u64| population.somebody(number).device;
        // Those who are known, and after them strangers; the first of all are not asked about.
        let mut everybody: Vec<(DeviceId, u64)> =
            (0..subjects + strangers).map(|number| (of(number), number)).collect();
        everybody.sort_unstable();
        let (mut at, mut far) = (1_000, Vec::with_capacity(everybody.len()));
        let mut near = Vec::with_capacity(everybody.len());
        for _ in &everybody {
            while rng.u64(..100) >= COUNTED {
                at += 1;
            }
            near.push(at);
            at += 1;
            far.push(rng.u64(..1 << 63));
        }
        far.sort_unstable();
        far.dedup();
        while far.len() < everybody.len() {
            far.push(far[far.len() - 1] + 1);
        }
        let mut lists = Self {
            known: Vec::new(),
            counted_known: Vec::new(),
            scattered_known: Vec::new(),
            random: Vec::new(),
            sorted: Vec::new(),
            counted: Vec::new(),
            scattered: Vec::new(),
        };
        for (((device, number), near), far) in everybody.into_iter().zip(near).zip(far) {
            if number < subjects {
                lists.known.push(device);
                lists.counted_known.push(near);
                lists.scattered_known.push(far);
            }
            if number >= strangers {
                lists.sorted.push(device);
                lists.counted.push(near);
                lists.scattered.push(far);
            }
        }
        lists.random.clone_from(&lists.sorted);
        rng.shuffle(&mut lists.random);
        lists
    }

    pub(crate) fn write(&self, folder: &Path, allowed: &[bool]) -> Result<()> {
        let uuids = |name: &str, ids: &[DeviceId]| {
            fs::write(folder.join(name), ids.iter().flat_map(|id| *id.as_bytes()).collect::<Vec<u8>>())
        };
        let numbers = |name: &str, ids: &[u64]| {
            fs::write(folder.join(name), ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>())
        };
        uuids("uuids-known", &self.known)?;
        uuids("uuids-random", &self.random)?;
        uuids("uuids-sorted", &self.sorted)?;
        numbers("counted-known", &self.counted_known)?;
        numbers("counted-sorted", &self.counted)?;
        numbers("scattered-known", &self.scattered_known)?;
        numbers("scattered-sorted", &self.scattered)?;
        fs::write(folder.join("allowed"), allowed.iter().map(|is| u8::from(*is)).collect::<Vec<u8>>())?;
        Ok(())
    }
}
