//! `consentry export`: the state of a site as a file.

use super::{Kept, part_of, wait_for};
use crate::Clock;
use crate::calendar::moment;
use crate::cli::{Outcome, print};
use crate::state::{Encoder, Format, Subjects};
use clap::Args;
use consentry_core::Time;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    kept: Kept,
    /// By what had been recorded at this time, e.g. `2026-11-22T08:30:00Z`; now if nothing is said.
    #[arg(long, value_parser = moment)]
    as_of: Option<Time>,
    /// In what form.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// Where to write. A file that is there is replaced once the new one is whole.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Export) -> Outcome {
    let Export { kept, as_of, format, out } = arguments;
    let now = Clock::System.now();
    let as_of = as_of.unwrap_or(now);
    if as_of > now {
        return Err("`--as-of` is a time that has not come".into());
    }
    let (store, published) = kept.open()?;
    let part = part_of(out);
    let cannot_write = |error: std::io::Error| format!("cannot write `{}`: {error}", part.display());
    let mut file = BufWriter::new(File::create(&part).map_err(cannot_write)?);
    let mut rows = 0;
    wait_for(async {
        let mut subjects = Subjects::new(store.clone(), published, as_of);
        let mut encoder = Encoder::new(*format, subjects.site(), as_of)?;
        while let Some(page) = subjects.next_rows().await? {
            rows += page.len();
            file.write_all(&encoder.rows(&page)?).map_err(cannot_write)?;
        }
        file.write_all(&encoder.end()?).map_err(cannot_write)?;
        store.close().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    file.into_inner().map_err(|error| cannot_write(error.into_error()))?.sync_all().map_err(cannot_write)?;
    std::fs::rename(&part, out).map_err(cannot_write)?;
    print(&format!("{rows} rows as of {as_of} in {}\n", out.display()))
}
