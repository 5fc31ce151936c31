//! `consentry manifest`: which subjects a training set may be made of, signed.

use super::{Kept, secret, wait_for, write_whole};
use crate::Clock;
use crate::calendar::moment;
use crate::cli::{Outcome, print};
use crate::manifest::{Manifest, ManifestKey, Wanted};
use crate::state::Subjects;
use clap::Args;
use consentry_core::{Activity, ProcessorId, PurposeId, Target, Time};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct ManifestOf {
    #[command(flatten)]
    kept: Kept,
    /// What the set is for, e.g. `ai-training`.
    #[arg(long)]
    purpose: PurposeId,
    /// By whom; the site itself if nothing is said.
    #[arg(long)]
    processor: Option<ProcessorId>,
    /// What would be done with it: `train`, `process`, `own-ends`.
    #[arg(long, default_value = "train")]
    activity: Activity,
    /// By what had been recorded at this time, e.g. `2026-11-22T08:30:00Z`; now if nothing is said.
    #[arg(long, value_parser = moment)]
    as_of: Option<Time>,
    /// The file with the key that signs: an Ed25519 seed of 32 bytes as base64.
    #[arg(long)]
    key: PathBuf,
    /// Where to write: `<out>.jws`, and beside it the list as `<out>.subjects`.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: ManifestOf) -> Outcome {
    let ManifestOf { kept, purpose, processor, activity, as_of, key, out } = arguments;
    let now = Clock::System.now();
    let as_of = as_of.unwrap_or(now);
    if as_of > now {
        return Err("`--as-of` is a time that has not come".into());
    }
    let key: ManifestKey = secret(&key)?;
    let (store, published) = kept.open()?;
    // Nobody should sign an empty list because of a name misspelt.
    let target = Target { purpose: purpose.clone(), processor: processor.clone() };
    if !published.history.versions().any(|version| version.policy.has(&target)) {
        return Err(format!("no policy of `{}` has `{target}`", published.policy.parts().site).into());
    }
    let wanted = Wanted { purpose, processor, activity };
    let subjects = Subjects::new(store.clone(), Arc::clone(&published), as_of);
    let (manifest, list) = wait_for(async {
        let made = Manifest::make(&store, &published.history, subjects, wanted, now).await?;
        store.close().await;
        Ok(made)
    })?;
    let beside = |extension: &str| {
        let mut name = out.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    write_whole(&beside(".subjects"), list.as_bytes())?;
    write_whole(&beside(".jws"), format!("{}\n", key.sign(&manifest)?).as_bytes())?;
    print(&format!("{}\n", serde_json::to_string(&manifest)?))
}
