//! `consentry ledger` and `consentry verify`: what operators and auditors do with a ledger.
//!
//! What was checked is said on stdout, and by the exit code: 0 where all of it holds, 1 where something does not, and 2 where
//! something could not be checked.

use super::audit::{AuditError, audit};
use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::compare::{CompareError, compare};
use super::export::export;
use super::key::{LedgerKeys, VerifierKey};
use super::receipt::{self, Proven};
use super::signer::{LedgerName, Signer};
use crate::key_file;
use crate::{BackupError, Clock, DatabaseUrl, Store, check_file};
use clap::{ArgGroup, Args, Subcommand};
use consentry_core::SiteId;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is added to a database's name for the file of its ledger's keys.
const KEY_EXTENSION: &str = "ledger-key";

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SignerArguments {
    /// The file of the keys that sign the ledger; if nothing is said, beside the database, with the extension `.ledger-key`. `consentry
    /// serve` makes it where it is not there yet. Several servers of one database must have the same.
    #[arg(long, value_name = "FILE", env = "CONSENTRY_LEDGER_KEY")]
    pub(crate) ledger_key: Option<PathBuf>,
    /// What the ledger is called in checkpoints; the host of `--public-url` if nothing is said.
    #[arg(long, value_name = "NAME", env = "CONSENTRY_LEDGER_NAME")]
    pub(crate) ledger_name: Option<LedgerName>,
}

impl SignerArguments {
    /// The signer, with a new key where there is none yet.
    pub(crate) fn open(&self, database: &DatabaseUrl, public_url: &str) -> Result<Signer, Box<dyn Error>> {
        let keys = LedgerKeys::open(&self.path(Some(database))?, Clock::System.now())?;
        Ok(Signer { name: self.name(public_url), keys })
    }

    fn read(&self, database: Option<&DatabaseUrl>, public_url: &str) -> Result<Signer, Box<dyn Error>> {
        Ok(Signer { name: self.name(public_url), keys: LedgerKeys::read(&self.path(database)?)? })
    }

    fn name(&self, public_url: &str) -> LedgerName {
        self.ledger_name.clone().unwrap_or_else(|| LedgerName::of_url(public_url))
    }

    fn path(&self, database: Option<&DatabaseUrl>) -> Result<PathBuf, &'static str> {
        key_file::place(self.ledger_key.as_deref(), database, KEY_EXTENSION).ok_or(
            "name the file of the ledger's keys with `--ledger-key`: only a database in a file has a place beside it",
        )
    }
}

/// The address that names the ledger, where nothing else does.
#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    signer: SignerArguments,
    /// Where browsers reach the server, as `consentry serve` is told.
    #[arg(long, default_value = "", hide_default_value = true)]
    public_url: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Prints the keys that checkpoints and receipts of these sites are checked with, oldest first.
    Key {
        /// The database that the file of keys lies beside.
        #[arg(long)]
        database: Option<DatabaseUrl>,
        /// The site. May be given several times.
        #[arg(long = "site", required = true)]
        sites: Vec<SiteId>,
        #[command(flatten)]
        named: Named,
    },
    /// Makes a new key, which signs once the server is started again. What earlier ones signed stays good.
    Rotate {
        /// The database that the file of keys lies beside.
        #[arg(long)]
        database: Option<DatabaseUrl>,
        #[command(flatten)]
        signer: SignerArguments,
    },
    /// Writes a site's ledger as files: checkpoint, tiles and entries, with nothing in them that is about anybody.
    Export {
        /// The database.
        #[arg(long)]
        database: DatabaseUrl,
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// Where to write. Files that are there by the same names are overwritten.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        named: Named,
    },
}

impl LedgerCommand {
    /// What is to be printed.
    pub(crate) fn run(self) -> Result<String, Box<dyn Error>> {
        match self {
            Self::Key { database, sites, named } => {
                let signer = named.signer.read(database.as_ref(), &named.public_url)?;
                let keys = sites.iter().flat_map(|site| signer.verifiers(site));
                Ok(keys.map(|key| format!("{key}\n")).collect())
            }
            Self::Rotate { database, signer } => {
                let path = signer.path(database.as_ref())?;
                LedgerKeys::rotate(&path, Clock::System.now())?;
                Ok(format!(
                    "a new key is in `{}`; restart the server, and make its public half known\n",
                    path.display()
                ))
            }
            Self::Export { database, site, out, named } => {
                let signer = named.signer.read(Some(&database), &named.public_url)?;
                let store = open_existing(&database)?;
                let size = block_on(export(&store, signer, &site, &out))??;
                Ok(format!("{size} entries of {site} are in `{}`\n", out.display()))
            }
        }
    }
}

/// Checks a whole ledger, a checkpoint against an older one, or a receipt.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["database", "older", "receipt"])))]
pub(crate) struct Verify {
    /// The database whose ledgers are to be checked from their first entry to their last.
    #[arg(long)]
    database: Option<DatabaseUrl>,
    /// The site whose ledger is to be checked; every site of the database if nothing is said. May be given several times.
    #[arg(long = "site", requires = "database")]
    sites: Vec<SiteId>,
    /// A receipt, as the page or the server hands it out: JSON, a JWS, or a tlog-proof.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// A checkpoint: the newer one, or one that the database must continue.
    #[arg(long, value_name = "FILE", conflicts_with = "receipt")]
    checkpoint: Option<PathBuf>,
    /// The checkpoint that the other must continue.
    #[arg(long, value_name = "FILE", requires = "checkpoint", requires = "tiles")]
    older: Option<PathBuf>,
    /// The folder with `tile/`, as `consentry ledger export` writes it, or as it was fetched over HTTP.
    #[arg(long, value_name = "FOLDER", requires = "older")]
    tiles: Option<PathBuf>,
    /// The key that must have signed, as `consentry ledger key` prints it. May be given several times: one of them must have.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<VerifierKey>,
}

/// What became of a check.
enum Verdict {
    Holds(String),
    Fails(String),
    /// Nothing is wrong, but not all could be checked.
    Open(String),
}

/// Said where nobody named a key.
const NO_KEY: &str = "who signed was not checked: name the ledger's key with `--key`";

impl Verify {
    /// Checks, and prints what was found.
    pub(crate) fn run(&self, print: impl Fn(&str) -> Result<(), Box<dyn Error>>) -> ExitCode {
        let verdicts = self.verdicts().unwrap_or_else(|error| vec![Verdict::Open(error.to_string())]);
        let mut code = 0;
        for verdict in &verdicts {
            let (worst, said) = match verdict {
                Verdict::Holds(said) => (0, said),
                Verdict::Open(said) => (2, said),
                Verdict::Fails(said) => (1, said),
            };
            // What fails must not be overlooked for what could not be checked.
            code = if code == 1 || worst == 1 { 1 } else { code.max(worst) };
            if print(&format!("{said}\n")).is_err() {
                return ExitCode::from(2);
            }
        }
        ExitCode::from(code)
    }

    fn verdicts(&self) -> Result<Vec<Verdict>, Box<dyn Error>> {
        if let Some(path) = &self.receipt {
            return Ok(vec![self.receipt(&read(path)?)]);
        }
        let checkpoint = self.checkpoint.as_deref().map(read).transpose()?;
        if let (Some(older), Some(newer), Some(tiles)) = (&self.older, &checkpoint, &self.tiles) {
            return Ok(self.continues(&read(older)?, newer, tiles));
        }
        let database = self.database.as_ref().ok_or("name what is to be checked")?;
        self.database(database, checkpoint.as_deref())
    }

    fn receipt(&self, text: &str) -> Verdict {
        let keys = Some(&*self.keys).filter(|keys| !keys.is_empty());
        match receipt::check(text, keys) {
            Ok(Proven { seq, payload, origin, size }) => {
                let at = payload.event().at;
                let event = String::from_utf8_lossy(payload.as_bytes());
                let said = format!("entry {seq} of {origin}, recorded {at}, is in the tree of {size} entries: {event}");
                match keys {
                    Some(_) => Verdict::Holds(format!("the receipt holds: {said}")),
                    None => Verdict::Open(format!("{NO_KEY}; apart from that, {said}")),
                }
            }
            Err(error) => Verdict::Fails(format!("the receipt does not hold: {error}")),
        }
    }

    /// Whether one checkpoint continues another.
    fn continues(&self, older: &str, newer: &str, tiles: &Path) -> Vec<Verdict> {
        let (older, newer) = match (self.checkpoint_of(older, "older "), self.checkpoint_of(newer, "")) {
            (Ok(older), Ok(newer)) => (older, newer),
            (older, newer) => return [older.err(), newer.err()].into_iter().flatten().collect(),
        };
        let said = format!("the ledger of {} entries continues that of {}", newer.size, older.size);
        match compare(&older, &newer, tiles) {
            Ok(()) if self.keys.is_empty() => vec![Verdict::Open(format!("{NO_KEY}; apart from that, {said}"))],
            Ok(()) => vec![Verdict::Holds(said)],
            Err(error @ CompareError::Tiles(_)) => vec![Verdict::Open(with_cause(&error))],
            Err(error) => vec![Verdict::Fails(error.to_string())],
        }
    }

    /// Reads a checkpoint and, where a key was named, checks who signed it.
    fn checkpoint_of(&self, note: &str, which: &str) -> Result<Checkpoint, Verdict> {
        let fails = |error| Verdict::Fails(format!("the {which}checkpoint does not hold: {error}"));
        let signed = SignedCheckpoint::parse(note).map_err(fails)?;
        if !self.keys.is_empty() {
            signed.check(&self.keys).map_err(fails)?;
        }
        Ok(signed.checkpoint)
    }

    fn database(&self, database: &DatabaseUrl, checkpoint: Option<&str>) -> Result<Vec<Verdict>, Box<dyn Error>> {
        let signed = match checkpoint.map(|note| self.checkpoint_of(note, "")).transpose() {
            Ok(signed) => signed,
            Err(verdict) => return Ok(vec![verdict]),
        };
        let store = open_existing(database)?;
        if let DatabaseUrl::Sqlite(path) = database
            && let Err(error) = check_file(path)
        {
            return Ok(vec![match error {
                BackupError::Damaged { .. } => Verdict::Fails(error.to_string()),
                BackupError::Read { .. } | BackupError::Write { .. } => Verdict::Open(with_cause(&error)),
            }]);
        }
        let sites = match &*self.sites {
            [] => block_on(store.ledger_sites())??,
            sites => sites.to_vec(),
        };
        if sites.is_empty() {
            return Ok(vec![Verdict::Open("there are no entries".into())]);
        }
        let of_checkpoint = signed.as_ref().and_then(|signed| signed.origin.rsplit_once('/')).map(|(_, site)| site);
        if let Some(site) = of_checkpoint.filter(|site| sites.iter().all(|one| one.as_str() != *site)) {
            return Err(format!("the checkpoint is of the site `{site}`: name it with `--site`").into());
        }
        let mut verdicts = Vec::new();
        for site in &sites {
            let signed = signed.as_ref().filter(|_| of_checkpoint == Some(site.as_str()));
            verdicts.push(match block_on(audit(&store, site, signed))? {
                // Its name may be misspelt.
                Ok(audited) if audited.entries == 0 => Verdict::Open(format!("{site}: there are no entries")),
                Ok(audited) => Verdict::Holds(format!(
                    "{site}: {} entries hold, {} of them erased; their root is {}",
                    audited.entries, audited.erased, audited.root
                )),
                Err(error @ AuditError::Store(_)) => Verdict::Open(format!("{site}: {}", with_cause(&error))),
                Err(error) => Verdict::Fails(format!("{site}: {error}")),
            });
        }
        if signed.is_some() && self.keys.is_empty() {
            verdicts.push(Verdict::Open(format!("of the checkpoint, {NO_KEY}")));
        }
        Ok(verdicts)
    }
}

/// The database, if it is there: whoever checks one must not be told that an empty one, just made, holds.
fn open_existing(database: &DatabaseUrl) -> Result<Store, Box<dyn Error>> {
    if let DatabaseUrl::Sqlite(path) = database
        && !path.is_file()
    {
        return Err(format!("there is no database `{}`", path.display()).into());
    }
    Ok(Store::open(database)?)
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, std::io::Error> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = std::fs::read_to_string(path);
    Ok(text.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?)
}

fn with_cause(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}
