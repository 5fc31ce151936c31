//! `consentry webhook …`: what the API does for a site's webhooks, for whoever has the database at hand.

use crate::clock::Clock;
use crate::key_file;
use crate::store::{DatabaseUrl, DeadLetter, NewWebhook, Store, Telling, Webhook, WebhookId};
use crate::webhooks::{Endpoint, Reach, WebhookKey};
use clap::{Args, Subcommand};
use consentry_core::{ProcessorId, SiteId};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Where the key lies that secrets of webhooks are made of, beside the database.
pub(crate) const KEY_EXTENSION: &str = "webhook-key";

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The database.
    #[arg(long)]
    database: DatabaseUrl,
    /// The site.
    #[arg(long)]
    site: SiteId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Adds a webhook and prints its id and its secret. The secret is shown once; `rotate` gives another.
    New {
        #[command(flatten)]
        place: Place,
        /// The file with the key that the server signs with; beside the database if nothing is said.
        #[arg(long, env = "CONSENTRY_WEBHOOK_KEY")]
        webhook_key: Option<PathBuf>,
        /// Where to send, e.g. `https://example.com/webhooks`.
        #[arg(long)]
        url: String,
        /// Send only what concerns this processor.
        #[arg(long)]
        processor: Option<ProcessorId>,
        /// Where the server sends to: `public` addresses alone, or `anywhere`.
        #[arg(long, env = "CONSENTRY_WEBHOOKS_TO", default_value = "public")]
        webhooks_to: Reach,
    },
    /// Shows a site's webhooks, and how far each was told.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Removes a webhook.
    Remove {
        #[command(flatten)]
        place: Place,
        /// Its id.
        id: WebhookId,
    },
    /// Prints a new secret for a webhook. For a day messages are signed with the one before as well.
    Rotate {
        #[command(flatten)]
        place: Place,
        /// The file with the key that the server signs with; beside the database if nothing is said.
        #[arg(long, env = "CONSENTRY_WEBHOOK_KEY")]
        webhook_key: Option<PathBuf>,
        /// Its id.
        id: WebhookId,
    },
    /// Shows what a webhook could not be told.
    DeadLetters {
        #[command(flatten)]
        place: Place,
        /// Its id.
        id: WebhookId,
    },
    /// Has something that could not be told sent once more.
    Retry {
        #[command(flatten)]
        place: Place,
        /// The webhook's id.
        id: WebhookId,
        /// The entry's number, as `dead-letters` shows it.
        seq: u64,
    },
}

/// Does it, and says what to print.
pub(crate) fn run(command: WebhookCommand) -> Result<String, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_on(command, Clock::System))
}

async fn run_on(command: WebhookCommand, clock: Clock) -> Result<String, Box<dyn Error>> {
    let none =
        |site: &SiteId, id: WebhookId| format!("{site} has no webhook {id}; `consentry webhook list` shows them");
    match command {
        WebhookCommand::New { place, webhook_key, url, processor, webhooks_to } => {
            let (key, endpoint, store) =
                (place.key(webhook_key.as_deref())?, Endpoint::parse(&url, webhooks_to)?, place.open()?);
            let id = WebhookId::generate()?;
            let url = endpoint.to_string();
            if !store.add_webhook(NewWebhook { id, site: place.site, url, processor, at: clock.now() }).await? {
                return Err("the site has as many webhooks as it can have".into());
            }
            Ok(format!("{id}\n{}\n", key.secret(id, 0).reveal()))
        }
        WebhookCommand::List { place } => {
            let tellings = place.open()?.webhooks(&place.site).await?;
            Ok(tellings.iter().map(line).collect())
        }
        WebhookCommand::Remove { place, id } => {
            let is_removed = place.open()?.remove_webhook(&place.site, id).await?;
            if is_removed { Ok(String::new()) } else { Err(none(&place.site, id).into()) }
        }
        WebhookCommand::Rotate { place, webhook_key, id } => {
            let key = place.key(webhook_key.as_deref())?;
            let rotated = place.open()?.rotate_webhook(&place.site, id, clock.now()).await?;
            let Webhook { generation, .. } = rotated.ok_or_else(|| none(&place.site, id))?;
            Ok(format!("{}\n", key.secret(id, generation).reveal()))
        }
        WebhookCommand::DeadLetters { place, id } => {
            let letters = place.open()?.dead_letters(&place.site, id).await?.ok_or_else(|| none(&place.site, id))?;
            let line = |DeadLetter { seq, at, dead_at, cause, is_wanted }: &DeadLetter| {
                let again = if *is_wanted { "; to be sent once more" } else { "" };
                format!("{seq} of {at}, given up {dead_at}: {cause}{again}\n")
            };
            Ok(letters.iter().map(line).collect())
        }
        WebhookCommand::Retry { place, id, seq } => {
            let is_wanted = place.open()?.want_dead_letter(&place.site, id, seq).await?;
            let none = || format!("webhook {id} has no dead letter {seq}, or is disabled").into();
            if is_wanted { Ok(String::new()) } else { Err(none()) }
        }
    }
}

impl Place {
    fn key(&self, said: Option<&Path>) -> Result<WebhookKey, Box<dyn Error>> {
        let path = key_file::place(said, Some(&self.database), KEY_EXTENSION);
        let path = path.ok_or("name the file of the server's key with `--webhook-key`: the database is no file")?;
        Ok(WebhookKey::open(&path)?)
    }

    fn open(&self) -> Result<Store, Box<dyn Error>> {
        Ok(Store::open(&self.database)?)
    }
}

fn line(Telling { webhook, untold, dead, unconfirmed }: &Telling) -> String {
    let Webhook { id, url, processor, state, next, tries, .. } = webhook;
    let of = processor.as_ref().map_or("everything".into(), |processor| format!("what concerns {processor}"));
    let (state, untold, dead, unconfirmed) = (state.as_str(), untold.count, dead.count, unconfirmed.count);
    format!(
        "{id} {url}: {of}; {state}, next entry {next}, tried {tries} times, {untold} waiting, {dead} dead, \
         {unconfirmed} unconfirmed\n"
    )
}
