//! Links in mails by which somebody gets no more of them, with one click and no login (RFC 8058).
//!
//! A link names its subject and purpose, and a tag over both that only the server's key can make: no other can be made from it. It
//! names no account but by the hash that is kept anyway. It can do one thing, which is to say no, so that it does not expire: mails are
//! read late.

use crate::identity::Pepper;
use crate::site::Site;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::{
    Answering, Choice, ChoiceError, Context, Demand, DemandKind, Draft, EventId, EventKind, LegalBasis, Policy,
    PolicyHistory, Purpose, PurposeId, Question, Reason, Record, Regime, SiteId, Stance, Subject, Surface, Target,
    Time, decide,
};
use subtle::ConstantTimeEq;

/// Keeps these tags apart from whatever else is made with the same key.
const DOMAIN: &[u8] = b"consentry unsubscribe 1\0";
/// Length of a tag, in bytes: half of what HMAC-SHA256 gives, which RFC 2104 section 5 lets stand.
const TAG_BYTES: usize = 16;
/// Longest token, in characters. The longest subject and purpose make 214.
const TOKEN_CHARS_MAX: usize = 256;
/// The header's value, and what a mail program posts.
pub(crate) const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// Who gets no more of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsubscription {
    pub(crate) subject: Subject,
    pub(crate) purpose: PurposeId,
}

/// Where a link leads, below the server's address.
pub(crate) fn path(site: &SiteId, token: &str) -> String {
    format!("/v1/sites/{site}/unsubscribe/{token}")
}

impl Unsubscription {
    /// What stands at the end of the link.
    pub(crate) fn token(&self, site: &SiteId, pepper: &Pepper) -> String {
        let said = format!("{} {}", self.subject, self.purpose);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(&said), URL_SAFE_NO_PAD.encode(tag(site, &said, pepper)))
    }

    /// What the end of a link says, if it was made here for this site.
    pub(crate) fn of_token(token: &str, site: &SiteId, pepper: &Pepper) -> Option<Self> {
        let (said, shown) = token.split_once('.').filter(|_| token.len() <= TOKEN_CHARS_MAX)?;
        let said = String::from_utf8(URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        let shown = URL_SAFE_NO_PAD.decode(shown).ok()?;
        if !bool::from(tag(site, &said, pepper).ct_eq(&shown)) {
            return None;
        }
        let (subject, purpose) = said.split_once(' ')?;
        Some(Self { subject: subject.parse().ok()?, purpose: purpose.parse().ok()? })
    }

    /// What is kept of it: a refusal where the purpose rests on consent wherever somebody is, else an objection (GDPR Art. 21(2), (3)),
    /// which no later "accept all" overrules (R21).
    ///
    /// # Errors
    /// Those of [`find`].
    pub(crate) fn event(&self, site: &Site, id: EventId) -> Result<EventKind, ChoiceError> {
        let (policy, purpose) = find(site.history(), &self.purpose)?;
        let terms = [Some(purpose.terms), purpose.opt_out_terms].into_iter().flatten();
        let by_consent_alone = terms.into_iter().all(|terms| terms.basis == LegalBasis::Consent);
        // Of a purpose that the newest policy lacks there is no notice any more that a choice could name.
        let is_shown = policy.hash() == site.policy().hash();
        let refusal = if by_consent_alone && is_shown { self.refusal(site, policy, id) } else { None };
        Ok(match refusal {
            Some(refusal) => EventKind::Chosen(refusal?),
            None => {
                let purpose = Some(self.purpose.clone());
                EventKind::Demanded(id, Demand { kind: DemandKind::Objection, purpose, stands: true })
            }
        })
    }

    /// Whether `event` would say nothing new: it was objected already, or refused, whether by a link or by the person's own hand.
    pub(crate) fn is_said(&self, event: &EventKind, site: &Site, record: &Record, now: Time) -> bool {
        let question = Question::about(Target::purpose(self.purpose.clone()));
        let reason = || decide(site.history(), record, &question, &Context::at(now)).reason;
        match event {
            EventKind::Chosen(_) => matches!(reason(), Reason::Refused | Reason::Withdrawn | Reason::Objected),
            EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => {
                let purpose = find(site.history(), &self.purpose);
                purpose.is_ok_and(|(_, purpose)| record.demand(DemandKind::Objection, purpose).is_some())
            }
        }
    }

    /// A choice that the site vouches for. It names the policy's notice of its first language: the link's page quotes that purpose alone.
    fn refusal(&self, site: &Site, policy: &Policy, id: EventId) -> Option<Result<Choice, ChoiceError>> {
        let language = site.languages.first()?;
        let notice = site.published().notice(language, Regime::OptIn)?.hash;
        let answering = Answering {
            policy: policy.hash(),
            notice,
            language: language.clone(),
            surface: Surface::Page,
            confirmed: false,
        };
        let draft = Draft::new(answering).with(Target::purpose(self.purpose.clone()), Stance::Refuse);
        Some(draft.commit(site.history(), id))
    }
}

/// The purpose that a link may end, and the newest policy that has it.
///
/// # Errors
/// [`ChoiceError::UnknownPurpose`], if no policy ever had it; [`ChoiceError::NotChoosable`], if it is not the subject's to stop, so that a
/// link would promise what it does not do.
pub(crate) fn find<'a>(history: &'a PolicyHistory, id: &PurposeId) -> Result<(&'a Policy, &'a Purpose), ChoiceError> {
    let mut policies = history.versions().rev().map(|version| &version.policy);
    let found = policies.find_map(|policy| Some((policy, policy.purpose(id)?)));
    let (policy, purpose) = found.ok_or_else(|| ChoiceError::UnknownPurpose(id.clone()))?;
    if purpose.is_choosable() { Ok((policy, purpose)) } else { Err(ChoiceError::NotChoosable(id.clone())) }
}

fn tag(site: &SiteId, said: &str, pepper: &Pepper) -> [u8; TAG_BYTES] {
    pepper.tag(DOMAIN, site, said).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> (SiteId, Pepper, Unsubscription) {
        let subject = format!("account:{}", "0123456789abcdef".repeat(4)).parse().unwrap();
        let purpose = "a".repeat(64).parse().unwrap();
        ("adforge".parse().unwrap(), Pepper::from_bytes([7; 32]), Unsubscription { subject, purpose })
    }

    #[test]
    fn a_token_says_what_it_was_made_of() {
        let (site, pepper, link) = link();
        let token = link.token(&site, &pepper);
        assert!(token.len() <= TOKEN_CHARS_MAX, "{}", token.len());
        assert_eq!(Unsubscription::of_token(&token, &site, &pepper), Some(link));
    }

    #[test]
    fn no_other_token_can_be_made_of_one() {
        let (site, pepper, link) = link();
        let token = link.token(&site, &pepper);
        let other_site: SiteId = "other".parse().unwrap();
        assert_eq!(Unsubscription::of_token(&token, &other_site, &pepper), None);
        assert_eq!(Unsubscription::of_token(&token, &site, &Pepper::from_bytes([8; 32])), None);
        let tag = token.split_once('.').unwrap().1;
        let forged = URL_SAFE_NO_PAD.encode("device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f marketing");
        for wrong in ["", ".", tag, &format!("{forged}.{tag}"), &format!("{forged}."), &token[..token.len() - 1]] {
            assert_eq!(Unsubscription::of_token(wrong, &site, &pepper), None, "{wrong}");
        }
        for (place, _) in token.char_indices() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Unsubscription::of_token(&changed, &site, &pepper), None, "{changed}");
        }
    }
}
