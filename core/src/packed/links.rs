//! Which account is linked to which devices, and since when: what a device takes away counts for its accounts, too (R39).

use crate::account::links;
use crate::erasure::erased_name;
use crate::id::{AccountId, DeviceId, HASH_BYTES, SiteId, Subject};
use crate::record::Event;
use crate::time::Time;
use alloc::vec::Vec;
use std::collections::HashMap;

/// Length of a link as bytes: the account, the device, and when.
pub const LINK_BYTES: usize = 56;

/// That an account is linked to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Since when.
    pub at: Time,
}

impl Link {
    /// Those of an account after these events of its own, given in the order of the ledger.
    pub fn of_events(account: AccountId, events: &[Event]) -> impl Iterator<Item = Self> {
        links(events).into_iter().map(move |(device, at)| Self { account, device, at })
    }

    /// As bytes: the account's 32, the device's 16, and the time in milliseconds since the Unix epoch, its lowest byte first.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LINK_BYTES] {
        let mut bytes = [0; LINK_BYTES];
        let at = self.at.as_ms().to_le_bytes();
        let parts = self.account.as_bytes().iter().chain(self.device.as_bytes()).chain(&at);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The link of these bytes; none if they are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; LINK_BYTES]) -> Option<Self> {
        let (account, rest) = bytes.split_first_chunk::<HASH_BYTES>()?;
        let (device, at) = rest.split_first_chunk::<16>()?;
        Some(Self {
            account: AccountId::from_bytes(*account),
            device: DeviceId::from_bytes(*device)?,
            at: Time::from_ms(u64::from_le_bytes(at.try_into().ok()?)),
        })
    }
}

/// The links of a site, to be found from either end.
#[derive(Debug, Default)]
pub(super) struct Links {
    devices: HashMap<AccountId, Vec<(DeviceId, Time)>>,
    accounts: HashMap<DeviceId, Vec<AccountId>>,
    /// Both, by what is left of them when they are erased.
    by_erased_name: HashMap<[u8; HASH_BYTES], Subject>,
}

impl Links {
    pub(super) fn add(&mut self, site: &SiteId, link: Link) {
        let Link { account, device, at } = link;
        let devices = self.devices.entry(account).or_default();
        // Linked twice, it is linked since the first time.
        if devices.iter().any(|(known, _)| *known == device) {
            return;
        }
        devices.push((device, at));
        self.accounts.entry(device).or_default().push(account);
        for subject in [Subject::Account(account), Subject::Device(device)] {
            self.by_erased_name.insert(erased_name(site, &subject), subject);
        }
    }

    /// The devices that the account is linked to, and since when.
    pub(super) fn devices(&self, account: AccountId) -> &[(DeviceId, Time)] {
        self.devices.get(&account).map_or(&[], Vec::as_slice)
    }

    /// The accounts that are linked to the device.
    pub(super) fn accounts(&self, device: DeviceId) -> &[AccountId] {
        self.accounts.get(&device).map_or(&[], Vec::as_slice)
    }

    /// Who of those who are linked left this behind.
    pub(super) fn erased(&self, name: &[u8; HASH_BYTES]) -> Option<Subject> {
        self.by_erased_name.get(name).copied()
    }

    /// Ends the links of an account.
    pub(super) fn end(&mut self, account: AccountId) {
        for (device, _) in self.devices.remove(&account).unwrap_or_default() {
            if let Some(accounts) = self.accounts.get_mut(&device) {
                accounts.retain(|linked| *linked != account);
            }
        }
    }
}
