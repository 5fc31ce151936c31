//! What the command line does with what a site has gathered: one command a file.

pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod manifest;
pub(crate) mod unsubscribe_link;

use crate::cli::publish;
use crate::identity::Pepper;
use crate::key_file::KeyFileError;
use crate::{DatabaseUrl, Store};
use clap::Args;
use consentry_core::SiteId;
use consentry_core::source::Published;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// A site, its policies, and where its choices are.
#[derive(Debug, Args)]
pub(crate) struct Kept {
    /// The database, e.g. `sqlite:data/consentry.db`.
    #[arg(long)]
    database: DatabaseUrl,
    /// The site's folder, or a folder of such folders.
    #[arg(long)]
    policies: PathBuf,
    /// The site.
    #[arg(long)]
    site: SiteId,
}

impl Kept {
    fn open(&self) -> Result<(Store, Arc<Published>), Box<dyn Error>> {
        let published = of_site(&self.policies, &self.site)?;
        Ok((Store::open(&self.database)?, Arc::new(published)))
    }

    /// The key that account ids are hashed with: of that file, or the server's own beside the database, where it has one.
    fn pepper(&self, said: Option<&Path>) -> Result<Option<Pepper>, KeyFileError> {
        let place = Pepper::place(said, &self.database).filter(|file| said.is_some() || file.exists());
        place.map(|file| Pepper::read(&file)).transpose()
    }
}

fn of_site(policies: &Path, site: &SiteId) -> Result<Published, Box<dyn Error>> {
    let found = publish(policies)?.into_iter().find(|published| published.policy.parts().site == *site);
    found.ok_or_else(|| format!("`{}` has no policy of `{site}`", policies.display()).into())
}

/// A secret in a file of its own, so that it stands in no list of processes.
fn secret<T: FromStr<Err: Error + 'static>>(file: &Path) -> Result<T, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    text.parse().map_err(|error: T::Err| format!("`{}`: {error}", file.display()).into())
}

/// Runs what waits for a database, on this thread.
fn wait_for<T>(what: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(what)
}

/// Writes a file under another name first, so that half of one is never taken for the whole.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let part = part_of(path);
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| format!("cannot write `{}`: {error}", path.display()).into())
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}
