//! Asks before it processes: may this data of this person be used for this purpose, by this processor, now?
//!
//! [`Consentry::remote`] asks a server over HTTP, [`Consentry::replica`] answers in this process and follows the server. Whatever can be asked is an [`Ask`]: it answers with the [`Decision`] of the core, and
//! [`Ask::require`] turns an allow into a [`Permit`], which nothing else makes. A function that demands one cannot be called by somebody
//! who forgot to ask:
//!
//! ```
//! use consentry_client::{Ask, Circumstances, Intent, Permit, RequireError, Subject};
//! use consentry_client::{DataId, ProcessorId, PurposeId};
//!
//! /// Hands a product picture to Kling.
//! enum FilmWithKling {}
//!
//! impl Intent for FilmWithKling {
//!     const PURPOSE: PurposeId = PurposeId::named("downstream-ai");
//!     const PROCESSOR: Option<ProcessorId> = Some(ProcessorId::named("kling"));
//!     const DATA: Option<DataId> = Some(DataId::named("product-images"));
//! }
//!
//! fn film(picture: &[u8], permit: &Permit<FilmWithKling>) {
//!     for (name, value) in permit.request_flags() { /* goes along with the request */ }
//! }
//!
//! # #[cfg(feature = "remote")]
//! async fn render(consent: &consentry_client::Remote, subject: Subject, picture: &[u8]) -> Result<(), RequireError> {
//!     let permit = consent.require_for::<FilmWithKling>(subject, Circumstances::default()).await?;
//!     film(picture, &permit);
//!     Ok(())
//! }
//! ```
//!
//! Forgetting to ask does not compile:
//!
//! ```compile_fail,E0061
//! # use consentry_client::*;
//! # enum FilmWithKling {}
//! # impl Intent for FilmWithKling { const PURPOSE: PurposeId = PurposeId::named("downstream-ai"); }
//! # fn film(picture: &[u8], permit: &Permit<FilmWithKling>) {}
//! film(b"a picture");
//! ```
//!
//! Nor does a permit for something else:
//!
//! ```compile_fail,E0308
//! # use consentry_client::*;
//! # enum FilmWithKling {}
//! # impl Intent for FilmWithKling { const PURPOSE: PurposeId = PurposeId::named("downstream-ai"); }
//! # enum Train {}
//! # impl Intent for Train { const PURPOSE: PurposeId = PurposeId::named("ai-training"); }
//! # fn film(picture: &[u8], permit: &Permit<FilmWithKling>) {}
//! fn train(permit: &Permit<Train>) {
//!     film(b"a picture", permit);
//! }
//! ```
//!
//! Nor one of one's own making, be it by hand, or by something that says it can be asked:
//!
//! ```compile_fail,E0451
//! # use consentry_client::*;
//! # fn forge(question: QuestionDoc, decision: Decision) -> Permit {
//! Permit { question, decision, intent: std::marker::PhantomData }
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! # use consentry_client::*;
//! struct Yes;
//! impl Ask for Yes {
//!     fn clock(&self) -> &Clock { &Clock::System }
//!     async fn decide(&self, _: &QuestionDoc) -> Result<Decision, AskError> { loop {} }
//!     async fn decide_all(&self, _: &[QuestionDoc]) -> Vec<Result<Decision, AskError>> { loop {} }
//! }
//! ```
//!
//! And a name that can be none is found by the compiler:
//!
//! ```compile_fail,E0080
//! const PURPOSE: consentry_client::PurposeId = consentry_client::PurposeId::named("AI training");
//! ```
//!
//! An error is never a permit: there is no other way to one than an answer that was read, understood, and says yes.
//!
//! Deliberately absent: decisions of its own, and any log. No error says whom it was about.

mod ask;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod bulk;
mod circumstances;
mod clock;
mod error;
mod intent;
mod permit;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "replica")]
mod replica;
#[cfg(feature = "tower")]
pub mod tower;

pub use ask::Ask;
pub use circumstances::Circumstances;
pub use clock::Clock;
#[doc(no_inline)]
pub use consentry_core::wire::{GuardianDoc, QUESTIONS_MAX, QuestionDoc};
#[doc(no_inline)]
pub use consentry_core::{
    AccountId, Activity, AgeBand, AsOf, DataForm, DataId, Decision, DeviceId, Jurisdiction, Language, ModeId,
    Obligation, PlanId, ProcessorId, PurposeId, Question, Reason, Signal, SiteId, Subject, Time,
};
pub use error::AskError;
#[cfg(feature = "remote")]
pub use error::SetUpError;
pub use intent::{AsAsked, Intent};
pub use permit::{Denied, Permit, PermitError, RequireError};
#[cfg(feature = "remote")]
pub use remote::{Explained, Explanation, Remote, RemoteConfig, Roots};
#[cfg(feature = "replica")]
pub use replica::{Replica, ReplicaConfig, ReplicaError};

/// Where to begin. There is nothing of this type: it has a function for each way of asking.
#[derive(Debug)]
pub enum Consentry {}

#[cfg(feature = "remote")]
impl Consentry {
    /// Asks the server at `url` (`https://consent.example`, with the path that it is under, if any) about people of `site`, with an API key
    /// of the scope `ask` (`consentry key new`). Nothing is sent yet.
    ///
    /// # Errors
    /// [`SetUpError`] if one of the three is not what it has to be.
    pub fn remote(url: &str, site: &str, key: &str) -> Result<Remote, SetUpError> {
        Self::remote_with(url, site, key, RemoteConfig::default())
    }

    /// The same, otherwise than is usual.
    ///
    /// # Errors
    /// [`SetUpError`] if one of the three is not what it has to be, or a certificate cannot be read.
    pub fn remote_with(url: &str, site: &str, key: &str, config: RemoteConfig) -> Result<Remote, SetUpError> {
        Remote::new(url, site, key, config)
    }
}

#[cfg(feature = "replica")]
impl Consentry {
    /// Answers in this process about people of `site`, from a replica of what the server at `url` knows, with an API key of the scopes `ask`
    /// and `export`. Once this returns it has heard all that the server had kept; from then on it follows, on the runtime that this is called
    /// on.
    ///
    /// # Errors
    /// [`ReplicaError`] where there is no replica, or the server cannot be heard.
    pub async fn replica(url: &str, site: &str, key: &str) -> Result<Replica, ReplicaError> {
        Self::replica_with(url, site, key, ReplicaConfig::default()).await
    }

    /// The same, otherwise than is usual.
    ///
    /// # Errors
    /// [`ReplicaError`] where there is no replica, or the server cannot be heard.
    pub async fn replica_with(
        url: &str,
        site: &str,
        key: &str,
        config: ReplicaConfig,
    ) -> Result<Replica, ReplicaError> {
        Replica::new(url, site, key, config).await
    }
}
