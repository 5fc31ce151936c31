//! What is sent: made of an entry of the ledger, and signed as Standard Webhooks 1.0 says.

use super::concern::PurposeAnswer;
use super::secret::Secret;
use crate::feed::{Change, hex};
use crate::store::{LedgerEntry, WebhookId};
use consentry_core::{ProcessorId, SiteId, Subject, Time};
use serde::Serialize;

/// What a message is about, in the words of its `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Kind {
    #[serde(rename = "consent.changed")]
    Changed,
    #[serde(rename = "consent.given")]
    Given,
    #[serde(rename = "consent.withdrawn")]
    Withdrawn,
    #[serde(rename = "consent.erased")]
    Erased,
}

/// A message's body.
#[derive(Debug, Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    /// When it happened, as RFC 3339 has it.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Changed {
        site: &'a SiteId,
        change: Change,
    },
    Answered {
        site: &'a SiteId,
        subject: Subject,
        processor: &'a ProcessorId,
        purposes: &'a [PurposeAnswer],
        seq: u64,
        at_ms: Time,
    },
    Erased {
        site: &'a SiteId,
        #[serde(skip_serializing_if = "Option::is_none")]
        processor: Option<&'a ProcessorId>,
        subject_hash: String,
        seq: u64,
        at_ms: Time,
    },
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The same for the same webhook and entry, however often it is sent: by it a receiver knows what it has had.
    pub(super) id: String,
    pub(super) body: String,
}

impl Message {
    /// That somebody was erased. It goes to everybody, since nobody but those who know the name can tell whom it concerns.
    pub(super) fn erased(
        id: WebhookId,
        site: &SiteId,
        processor: Option<&ProcessorId>,
        (seq, at): (u64, Time),
        subject_hash: &[u8],
    ) -> Option<Self> {
        let data = Data::Erased { site, processor, subject_hash: hex(subject_hash), seq, at_ms: at };
        Self::of(id, seq, at, Kind::Erased, data)
    }

    /// An entry as the change feed has it.
    pub(super) fn changed(id: WebhookId, site: &SiteId, entry: LedgerEntry) -> Option<Self> {
        let (seq, at) = (entry.seq, entry.leaf.at());
        Self::of(id, seq, at, Kind::Changed, Data::Changed { site, change: Change::of(entry) })
    }

    /// What has become of a processor's leave. That it has ended for one purpose counts more than that it begins for another.
    pub(super) fn answered(
        id: WebhookId,
        site: &SiteId,
        processor: &ProcessorId,
        (seq, at): (u64, Time),
        subject: Subject,
        purposes: &[PurposeAnswer],
    ) -> Option<Self> {
        let kind = if purposes.iter().all(|answer| answer.allow) { Kind::Given } else { Kind::Withdrawn };
        let data = Data::Answered { site, subject, processor, purposes, seq, at_ms: at };
        Self::of(id, seq, at, kind, data)
    }

    fn of(id: WebhookId, seq: u64, at: Time, kind: Kind, data: Data<'_>) -> Option<Self> {
        let body = Body { kind, timestamp: at.to_string(), data };
        // Names and numbers are always JSON.
        let body = serde_json::to_string(&body).ok()?;
        Some(Self { id: format!("msg_{id}_{seq}"), body })
    }

    /// The headers `webhook-timestamp` and `webhook-signature` of a message that is sent now: one signature for each secret.
    pub(super) fn sign(&self, secrets: &[Secret], now: Time) -> (String, String) {
        let timestamp = (now.as_ms() / 1_000).to_string();
        let parts = [self.id.as_bytes(), b".", timestamp.as_bytes(), b".", self.body.as_bytes()];
        let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&parts)).collect();
        (timestamp, signatures.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::WebhookKey;
    use serde_json::json;

    /// What independent readers verify as well: tests/peers/test_webhooks.py and tests/browser/webhooks.test.js.
    #[test]
    fn a_signed_message_is_what_it_was() {
        let (id, at) = (WebhookId::from_bytes(core::array::from_fn(|n| n as u8)), Time::from_ms(1_763_800_000_000));
        let key = WebhookKey::from_bytes([7; 32]);
        let (site, processor) = ("adforge".parse().unwrap(), "kling".parse().unwrap());
        let message = Message::erased(id, &site, Some(&processor), (42, at), &[0xab; 32]).unwrap();
        let secrets = [key.secret(id, 1), key.secret(id, 0)];
        let now = Time::from_ms(at.as_ms() + 1_999);
        let (timestamp, signature) = message.sign(&secrets, now);
        let golden = json!({
            "secret": secrets[0].reveal(), "secret_before": secrets[1].reveal(), "sent_at_ms": now,
            "headers": { "webhook-id": message.id, "webhook-timestamp": timestamp, "webhook-signature": signature },
            "body": message.body,
        });
        let expected = include_str!("../../tests/golden/webhook.json");
        assert_eq!(golden, serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{golden:#}");
    }
}
