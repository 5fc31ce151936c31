//! The command line: what `consentry` understands, and what it prints.
//!
//! Results go to stdout, everything else to stderr. The exit code is 0, or 1 for an error, or 2 for a command line that
//! is not understood; that of `consentry verify` says what was found.

use crate::assets::BrowserFiles;
use crate::boot::{Delivery, Wanted};
use crate::check;
use crate::commands::{
    self, export::Export, import::ImportFile, manifest::ManifestOf, unsubscribe_link::UnsubscribeLink,
};
use crate::config::{Keys, PublicUrl};
use crate::config_file::ConfigFile;
use crate::content::Content;
use crate::folder::SiteFolder;
use crate::ledger::command::{LedgerCommand, Verify};
use crate::serve::{Read, with_causes};
use crate::webhook_command::WebhookCommand;
use crate::{
    ApiKey, Clock, DatabaseUrl, KeptKey, KeyId, Scope, Store, StoreError, backup, boot, bundle, log, tag,
    webhook_command,
};
use annotate_snippets::Renderer;
use clap::{Args, Parser, Subcommand};
use consentry_core::source::{Published, policy_schema};
use consentry_core::{Language, Regime, SiteId};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keeps choices about personal data, and answers what they allow.
#[derive(Debug, Parser)]
#[command(name = "consentry", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what a policy promises, or what is wrong with it.
    Check {
        /// A site's folder, or a folder of such folders.
        folder: PathBuf,
    },
    /// Says what has changed from one policy to another, and what people would be asked again.
    Diff {
        /// The folder of the site as it was.
        old: PathBuf,
        /// The folder of the site as it is to be.
        new: PathBuf,
    },
    /// Prints the JSON Schema of `policy.toml`, for editors.
    Schema,
    /// Serves sites until it is told to stop.
    Serve(Box<Serve>),
    /// Makes keys for back ends.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Looks after the keys that sign ledgers, and writes a ledger as files.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Checks a whole ledger, a checkpoint against an older one, or a receipt. The exit code is 0 where all holds, 1 where something does
    /// not, and 2 where something could not be checked.
    Verify(Verify),
    /// Writes a copy of an SQLite database to a new file, while servers go on using it. docs/backup.md says what else to keep.
    Backup {
        /// The database.
        #[arg(long)]
        database: DatabaseUrl,
        /// The file to write. There must be none.
        #[arg(long)]
        out: PathBuf,
    },
    /// Looks after webhooks: who is told of what a site keeps.
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// Writes how a site stands: for every subject and target, whether it is allowed, and why.
    Export(Export),
    /// Takes over what people said to another system.
    Import(ImportFile),
    /// Says, signed, which subjects a training set may be made of.
    Manifest(ManifestOf),
    /// Prints the headers of a mail by which somebody gets no more of them.
    UnsubscribeLink(UnsubscribeLink),
    /// Prints what `/{site}.js` answers.
    Boot {
        /// A site's folder.
        folder: PathBuf,
        /// The language; the policy's first if none is given.
        #[arg(long)]
        lang: Option<Language>,
        #[command(flatten)]
        assets: Assets,
    },
    /// Prints tags for the head of a page: one that follows the policy, and one a language that is pinned to what the script
    /// is now. A server with other browser's files, or another policy, does not have the pinned ones.
    Tag {
        /// A site's folder, or a folder of such folders.
        folder: PathBuf,
        /// Where browsers reach the server, e.g. `https://consent.example`; the page's own if nothing is said.
        #[arg(long)]
        url: Option<PublicUrl>,
        #[command(flatten)]
        assets: Assets,
    },
    /// Writes a site's script and all that it may fetch, for any web server. Choices then stay in the browser.
    Bundle {
        /// A site's folder, or a folder of such folders.
        folder: PathBuf,
        /// Where to write. Files that are there by the same names are overwritten.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        assets: Assets,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes a key and prints it. It is shown once: only its hash is kept.
    New {
        /// The database, e.g. `sqlite:data/consentry.db`.
        #[arg(long)]
        database: DatabaseUrl,
        /// The site that the back end may ask about.
        #[arg(long)]
        site: SiteId,
        /// What to call it.
        #[arg(long)]
        name: String,
        /// What it may do: `ask`, `write`, `export`, `admin`, with commas between them.
        #[arg(long = "scope", value_delimiter = ',', default_value = "ask")]
        scopes: Vec<Scope>,
    },
    /// Shows a site's keys: what each is called, what it may do, and the id to revoke it by.
    List {
        /// The database.
        #[arg(long)]
        database: DatabaseUrl,
        /// The site.
        #[arg(long)]
        site: SiteId,
    },
    /// Revokes a key, at once and for good.
    Revoke {
        /// The database.
        #[arg(long)]
        database: DatabaseUrl,
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The key's id, as `consentry key list` shows it.
        id: KeyId,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// The file that says the rest (TOML). Flags, and the environment, count before it.
    #[arg(long, env = "CONSENTRY_CONFIG")]
    config: Option<PathBuf>,
    /// Reads everything that would be served, says what is wrong with it, and serves nothing.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Args)]
struct Assets {
    /// Serve the browser's files of this folder instead of those that were built in.
    #[arg(long)]
    assets: Option<PathBuf>,
}

/// Runs the command that the program was started with.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check { folder } => check(&folder),
        Command::Diff { old, new } => diff(&old, &new),
        Command::Schema => print(&policy_schema()),
        Command::Serve(arguments) => serve(*arguments),
        Command::Key { command } => key(command),
        Command::Ledger { command } => command.run().and_then(|said| print(&said)),
        Command::Verify(verify) => return verify.run(print),
        Command::Backup { database, out } => write_backup(&database, &out),
        Command::Webhook { command } => webhook_command::run(command).and_then(|text| print(&text)),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Manifest(arguments) => commands::manifest::run(arguments),
        Command::UnsubscribeLink(arguments) => commands::unsubscribe_link::run(arguments),
        Command::Boot { folder, lang, assets } => print_boot(&folder, lang, &assets),
        Command::Tag { folder, url, assets } => {
            print_tags(&folder, url.as_ref().map_or("", |PublicUrl(url)| url), &assets)
        }
        Command::Bundle { folder, out, assets } => write_bundle(&folder, &out, &assets),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("consentry: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

fn check(folder: &Path) -> Outcome {
    for published in publish(folder)? {
        print(&check::summary(&published))?;
    }
    Ok(())
}

fn diff(old: &Path, new: &Path) -> Outcome {
    let only = |folder: &Path| -> Result<Published, Box<dyn Error>> {
        let mut sites = publish(folder)?;
        match (sites.pop(), sites.is_empty()) {
            (Some(site), true) => Ok(site),
            (_, _) => Err(format!("`{}` holds several sites: name the folder of one", folder.display()).into()),
        }
    };
    let (old, new) = (only(old)?, only(new)?);
    let mut text = String::new();
    for (target, change) in new.diff(&old) {
        let asks = if change.asks_again() { ", people are asked" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<40} {change}{asks}", target.to_string());
    }
    print(&text)
}

fn key(command: KeyCommand) -> Outcome {
    let now = Clock::System.now();
    match command {
        KeyCommand::New { database, site, name, scopes } => {
            let key = ApiKey::generate()?;
            let scopes = scopes.into_iter().collect();
            Store::open(&database)?.add_key(key.hash(), &site, &name, &scopes, now).map_err(cause)?;
            print(&format!("{}\n", key.reveal()))
        }
        KeyCommand::List { database, site } => {
            let keys = Store::open(&database)?.keys(&site).map_err(cause)?;
            let line = |KeptKey { id, name, scopes, created_at, revoked_at }: &KeptKey| {
                let revoked = revoked_at.map(|at| format!(", revoked {at}")).unwrap_or_default();
                format!("{id} {name}: {scopes}; made {created_at}{revoked}\n")
            };
            print(&keys.iter().map(line).collect::<String>())
        }
        KeyCommand::Revoke { database, site, id } => {
            if Store::open(&database)?.revoke_key(&site, id, now).map_err(cause)? {
                Ok(())
            } else {
                Err(format!("{site} has no key {id} that is not revoked yet; `consentry key list` shows them").into())
            }
        }
    }
}

/// What a database says, as the rest of the command line says it.
fn cause(error: StoreError) -> Box<dyn Error> {
    error
}

fn print_boot(folder: &Path, language: Option<Language>, assets: &Assets) -> Outcome {
    let files = assets.files()?;
    let sites = publish(folder)?;
    let [published] = &sites[..] else {
        return Err(format!("`{}` has {} sites: name the folder of one", folder.display(), sites.len()).into());
    };
    let language = language.as_ref().or_else(|| published.languages().next()).ok_or("the policy has no languages")?;
    let notice = published.notice(language, Regime::OptIn);
    let notice = notice.ok_or_else(|| format!("the policy is not published in `{language}`"))?;
    let centre = Content::uncompressed(boot::JSON, boot::centre(published, notice).into());
    let now = Clock::System.now();
    let wanted = Wanted { published, files: &files, notice, centre: &centre, places: &[None], now };
    print(&boot::script(&wanted, Delivery::Moving { base: "" }))
}

fn print_tags(folder: &Path, url: &str, assets: &Assets) -> Outcome {
    let (files, now) = (assets.files()?, Clock::System.now());
    for published in publish(folder)? {
        print(&tag::tags(&published, &files, url, now))?;
    }
    Ok(())
}

fn write_bundle(folder: &Path, out: &Path, assets: &Assets) -> Outcome {
    let (files, now) = (assets.files()?, Clock::System.now());
    for published in publish(folder)? {
        for path in bundle::write(&published, &files, out, now)? {
            print(&format!("{}\n", path.display()))?;
        }
    }
    Ok(())
}

fn write_backup(database: &DatabaseUrl, out: &Path) -> Outcome {
    match database {
        DatabaseUrl::Sqlite(path) => Ok(backup(path, out)?),
        DatabaseUrl::Postgres(_) => {
            Err("PostgreSQL has its own: `pg_dump --format=custom`, as docs/backup.md says".into())
        }
    }
}

fn serve(arguments: Serve) -> Outcome {
    let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
    let setup = arguments.keys.setup(file)?;
    let sites = publish(&setup.policies)?;
    let log = setup.log;
    let read = Read::of(setup, sites)?;
    if arguments.check {
        return print(&format!("nothing is wrong: it would serve {}\n", read.names()));
    }
    log::begin(log);
    read.serve(print)
}

impl Assets {
    fn files(&self) -> Result<BrowserFiles, Box<dyn Error>> {
        Ok(match &self.assets {
            Some(folder) => BrowserFiles::read(folder)?,
            None => BrowserFiles::built_in()?,
        })
    }
}

/// Every site in the folder. If anything is wrong with one of them, all of it is printed.
pub(crate) fn publish(folder: &Path) -> Result<Vec<Published>, Box<dyn Error>> {
    let renderer = if io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    let mut sites = Vec::new();
    let mut wrong = String::new();
    for site in SiteFolder::find(folder)? {
        match site.publish() {
            Ok(published) => sites.push(published),
            Err(errors) => wrong.push_str(&check::errors(&site, &errors, &renderer)),
        }
    }
    if wrong.is_empty() {
        return Ok(sites);
    }
    eprint!("{wrong}");
    Err("the policy is not published".into())
}

/// Unlike `print!`, an error where nobody reads any more, rather than a panic.
pub(crate) fn print(text: &str) -> Outcome {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}
