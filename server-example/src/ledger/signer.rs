//! Who signs, and what was signed last: one signature for all that was kept since.

use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::key::{LedgerKey, LedgerKeys, VerifierKey};
use super::proof::{ProofError, Question, prove};
use crate::store::{LedgerHead, Store};
use consentry_core::SiteId;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tlog_tiles::{Hash, check_tree};

/// Longest name of a ledger, in bytes: the longest name of a host.
const NAME_BYTES_MAX: usize = 253;

/// Why a text is not a [`LedgerName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {NAME_BYTES_MAX} letters, digits and `.-_~/:`, such as `consent.example`")]
pub struct LedgerNameError;

/// What this server's ledgers are called; with `/` and a site after it, it is the origin of that site's checkpoints. It should be
/// unique in the world, as the name of a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerName(Box<str>); // INVARIANT: what `from_str` takes: neither spaces nor `+`, which C2SP signed-note forbids.

impl LedgerName {
    /// The host of a URL; `consentry.invalid` (RFC 6761 section 6.4) where there is none.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        let authority = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(host, _)| host);
        host.to_ascii_lowercase().parse().unwrap_or_else(|_| Self("consentry.invalid".into()))
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for LedgerName {
    type Err = LedgerNameError;

    fn from_str(text: &str) -> Result<Self, LedgerNameError> {
        let is_known = |c: char| c.is_ascii_alphanumeric() || ".-_~/:".contains(c);
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_known);
        if fits { Ok(Self(text.into())) } else { Err(LedgerNameError) }
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Signs in the name of this server's ledgers.
#[derive(Debug, Clone)]
pub struct Signer {
    /// What the ledgers are called.
    pub name: LedgerName,
    /// What they are signed with.
    pub keys: LedgerKeys,
}

impl Signer {
    /// Whose checkpoints the site's are.
    #[must_use]
    pub fn origin(&self, site: &SiteId) -> String {
        format!("{}/{site}", self.name)
    }

    /// What the site's checkpoints and receipts are checked with, oldest first.
    #[must_use]
    pub fn verifiers(&self, site: &SiteId) -> Vec<VerifierKey> {
        let origin = self.origin(site);
        self.keys.all().map(|key| key.verifier(&origin)).collect()
    }

    /// The key that signs now, and the name that it goes by for the site.
    pub(super) fn current(&self, site: &SiteId) -> (&LedgerKey, VerifierKey) {
        let key = self.keys.current();
        (key, key.verifier(&self.origin(site)))
    }

    /// Signs a head.
    pub(super) fn sign(&self, site: &SiteId, head: &LedgerHead) -> SignedCheckpoint {
        let checkpoint = Checkpoint { origin: self.origin(site), size: head.size, root: Hash(head.root) };
        checkpoint.sign(self.keys.current())
    }
}

/// Why a head is not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// The ledger has another past than the one that was signed: somebody has changed the database, or put an older one in its place.
    /// To sign both would be to say that both are true (C2SP tlog-checkpoint forbids it).
    #[error("the first {size} entries are not those that were signed before; run `consentry verify`")]
    Diverged { size: u64 },
    /// It cannot be told.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The last checkpoint of each site. A server that nobody asks signs nothing, and one that thousands ask signs once for all that was
/// kept between two of them.
#[derive(Debug)]
pub(crate) struct SignedHeads {
    pub(crate) signer: Signer,
    last: Mutex<HashMap<SiteId, Arc<SignedCheckpoint>>>,
}

impl SignedHeads {
    pub(crate) fn new(signer: Signer) -> Self {
        Self { signer, last: Mutex::default() }
    }

    /// The checkpoint of the site's ledger as it is now.
    pub(crate) async fn checkpoint(&self, store: &Store, site: &SiteId) -> Result<Arc<SignedCheckpoint>, SignError> {
        let head = store.ledger_head(site).await.map_err(ProofError::from)?;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(site).cloned();
        if let Some(Checkpoint { size: older, root, .. }) = last.map(|signed| signed.checkpoint.clone())
            && (1..head.size).contains(&older)
        {
            let proof = prove(store, site, Question::Consistency { size: head.size, older }).await?;
            check_tree(&proof, head.size, Hash(head.root), older, root)
                .map_err(|_| SignError::Diverged { size: older })?;
        }
        self.of_head(site, &head)
    }

    /// The checkpoint of this head, or of a later one where somebody has asked for that meanwhile.
    fn of_head(&self, site: &SiteId, head: &LedgerHead) -> Result<Arc<SignedCheckpoint>, SignError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = last.get(site) {
            let Checkpoint { size, root, .. } = signed.checkpoint;
            if size > head.size || size == head.size && root.0 == head.root {
                return Ok(Arc::clone(signed));
            }
            if size == head.size {
                return Err(SignError::Diverged { size });
            }
        }
        // Signed under the lock, in some microseconds: whoever comes at the same time gets this one.
        let signed = Arc::new(self.signer.sign(site, head));
        last.insert(site.clone(), Arc::clone(&signed));
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentry_core::Time;

    #[test]
    fn a_ledger_goes_by_the_name_of_its_host() {
        for (url, expected) in [
            ("https://consent.example", "consent.example"),
            ("https://Consent.Example:8443/behind/a/path", "consent.example"),
            ("http://somebody@127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:8080", "consentry.invalid"),
            ("", "consentry.invalid"),
        ] {
            assert_eq!(LedgerName::of_url(url).to_string(), expected, "{url}");
        }
        for wrong in ["", "a b", "a+b", "ä", "a\n", &"x".repeat(254)] {
            assert_eq!(wrong.parse::<LedgerName>(), Err(LedgerNameError), "{wrong}");
        }
    }

    #[test]
    fn a_head_is_signed_once_and_another_past_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let keys = LedgerKeys::open(&folder.path().join("key"), Time::from_ms(1)).unwrap();
        let heads = SignedHeads::new(Signer { name: LedgerName::of_url(""), keys });
        let (site, other): (SiteId, SiteId) = ("adforge".parse().unwrap(), "paf".parse().unwrap());
        let head = |size, byte| LedgerHead { size, at: Time::from_ms(1), root: [byte; 32] };
        let first = heads.of_head(&site, &head(5, 5)).unwrap();
        assert!(Arc::ptr_eq(&first, &heads.of_head(&site, &head(5, 5)).unwrap()));
        let second = heads.of_head(&site, &head(6, 6)).unwrap();
        // Whoever has looked before the sixth was kept gets the checkpoint that has the fifth as well.
        assert!(Arc::ptr_eq(&second, &heads.of_head(&site, &head(5, 5)).unwrap()));
        assert!(matches!(heads.of_head(&site, &head(6, 7)), Err(SignError::Diverged { size: 6 })));
        assert_eq!(heads.of_head(&other, &head(6, 7)).unwrap().checkpoint.origin, "consentry.invalid/paf");
    }
}
