//! `consentry unsubscribe-link`: the headers of a mail, by which somebody gets no more of them.

use super::of_site;
use crate::cli::{Outcome, print};
use crate::config::PublicUrl;
use crate::identity::Pepper;
use crate::unsubscribe::{ONE_CLICK, Unsubscription, find, path};
use clap::Args;
use consentry_core::{PurposeId, SiteId, Subject};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct UnsubscribeLink {
    /// The site's folder, or a folder of such folders.
    #[arg(long)]
    policies: PathBuf,
    /// The site.
    #[arg(long)]
    site: SiteId,
    /// To whom the mail goes: `account:` and 64 hexadecimal digits, or `device:` and a UUID.
    #[arg(long)]
    subject: Subject,
    /// What the link ends, e.g. `marketing`.
    #[arg(long)]
    purpose: PurposeId,
    /// The file with the key that links are made with, as `serve` has it.
    #[arg(long)]
    pepper: PathBuf,
    /// Where the server is reached, e.g. `https://consent.example`.
    #[arg(long)]
    url: PublicUrl,
}

pub(crate) fn run(arguments: UnsubscribeLink) -> Outcome {
    let UnsubscribeLink { policies, site, subject, purpose, pepper, url: PublicUrl(url) } = arguments;
    let published = of_site(&policies, &site)?;
    find(&published.history, &purpose)?;
    let token = Unsubscription { subject, purpose }.token(&site, &Pepper::read(&pepper)?);
    print(&format!("List-Unsubscribe: <{url}{}>\nList-Unsubscribe-Post: {ONE_CLICK}\n", path(&site, &token)))
}
