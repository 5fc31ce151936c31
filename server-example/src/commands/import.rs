//! `consentry import`: choices of another system.

use super::{Kept, wait_for};
use crate::Clock;
use crate::cli::{Outcome, print};
use crate::import::map::Map;
use crate::import::rows::{self, RowFormat};
use crate::import::{IMPORT_BYTES_MAX, Import, Mode, ROWS_MAX};
use clap::Args;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Most faults that are printed one by one.
const FAULTS_PRINTED_MAX: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct ImportFile {
    #[command(flatten)]
    kept: Kept,
    /// In what form the file is.
    #[arg(long, value_enum)]
    format: RowFormat,
    /// The rows.
    file: PathBuf,
    /// What their columns mean.
    #[arg(long)]
    map: PathBuf,
    /// Say what would be kept, and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave out the rows that cannot be read, rather than keep nothing.
    #[arg(long)]
    skip_faulty: bool,
    /// The file with the key that account ids are hashed with, for rows that name people by them; the one beside the database if nothing
    /// is said. It must be the server's: by another key everybody has another name.
    #[arg(long)]
    pepper: Option<PathBuf>,
}

pub(crate) fn run(arguments: &ImportFile) -> Outcome {
    let ImportFile { kept, format, file, map, dry_run, skip_faulty, pepper } = arguments;
    let pepper = kept.pepper(pepper.as_deref())?;
    let (store, published) = kept.open()?;
    let map_text = read(map)?;
    let map = Map::parse(&map_text, &published).map_err(|error| format!("`{}`: {error}", map.display()))?;
    let (rows, mut faults) = rows::read(&read(file)?, *format, &map);
    if rows.len() > ROWS_MAX {
        return Err(
            format!("more than {ROWS_MAX} rows: split the file by time, and import the oldest part first").into()
        );
    }
    let now = Clock::System.now();
    let import = Import { published: &published, map: &map, pepper: pepper.as_ref(), now };
    let (imported, more, mut tally) = import.read(&rows);
    tally.rows += faults.len();
    faults.extend(more);
    tally.faulty = faults.len();
    for fault in faults.iter().take(FAULTS_PRINTED_MAX) {
        eprintln!("{}: {fault}", file.display());
    }
    if !faults.is_empty() && !skip_faulty {
        return Err(format!("{} of {} rows cannot be read, and nothing was kept", faults.len(), tally.rows).into());
    }
    let mode = if *dry_run { Mode::Rehearse } else { Mode::Keep };
    wait_for(async {
        // What the rows are taken to answer must be shown again when somebody asks (R14).
        if mode == Mode::Keep {
            store.publish(&published, now).map_err(|error| -> Box<dyn Error> { error })?;
        }
        import.keep(&store, imported, mode, &mut tally).await?;
        store.close().await;
        Ok(())
    })?;
    print(&format!("{tally}\n"))
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    let cannot = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    if std::fs::metadata(path).map_err(cannot)?.len() > IMPORT_BYTES_MAX {
        return Err(format!("`{}` is longer than {IMPORT_BYTES_MAX} bytes: split it", path.display()).into());
    }
    Ok(std::fs::read_to_string(path).map_err(cannot)?)
}
