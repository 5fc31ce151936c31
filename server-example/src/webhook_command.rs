//! `consentry webhook …`: what the API does for a site's webhooks, for whoever has the database at hand.

use crate::clock::Clock;
use crate::store::{DatabaseUrl, DeadLetter, NewWebhook, Store, Telling, Webhook, WebhookId};
use crate::webhooks::{Endpoint, OVERDUE_HOURS, Reach, WebhookConfig, WebhookKey};
use clap::{Args, Subcommand};
use consentry_core::{ProcessorId, SiteId};
use std::error::Error;
use std::path::{Path, PathBuf};

/// What `serve` has to know to tell others.
#[derive(Debug, Args)]
pub(crate) struct WebhookArgs {
    /// A file with the key that messages are signed with: 32 random bytes in base64url. Without it nobody is told anything.
    #[arg(long)]
    webhook_key: Option<PathBuf>,
    /// Send to addresses that are not public too, and without TLS. Whoever may add a webhook then reaches your network.
    #[arg(long)]
    webhooks_to_private_addresses: bool,
    /// After how many hours something that was not told, or not confirmed, is overdue.
    #[arg(long, default_value_t = OVERDUE_HOURS)]
    overdue_hours: u32,
}

impl WebhookArgs {
    pub(crate) fn config(&self) -> Result<WebhookConfig, Box<dyn Error>> {
        let key = self.webhook_key.as_deref().map(read_key).transpose()?;
        let reach = if self.webhooks_to_private_addresses { Reach::Anywhere } else { Reach::Public };
        Ok(WebhookConfig { key, reach, overdue_hours: self.overdue_hours })
    }
}

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
        /// The file with the key that the server signs with.
        #[arg(long)]
        webhook_key: PathBuf,
        /// Where to send, e.g. `https://example.com/webhooks`.
        #[arg(long)]
        url: String,
        /// Send only what concerns this processor.
        #[arg(long)]
        processor: Option<ProcessorId>,
        /// The server sends to addresses that are not public too.
        #[arg(long)]
        webhooks_to_private_addresses: bool,
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
        /// The file with the key that the server signs with.
        #[arg(long)]
        webhook_key: PathBuf,
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
        WebhookCommand::New { place, webhook_key, url, processor, webhooks_to_private_addresses } => {
            let reach = if webhooks_to_private_addresses { Reach::Anywhere } else { Reach::Public };
            let (key, endpoint, store) = (read_key(&webhook_key)?, Endpoint::parse(&url, reach)?, place.open()?);
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
            let key = read_key(&webhook_key)?;
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

fn read_key(path: &Path) -> Result<WebhookKey, Box<dyn Error>> {
    let cannot = |error: &dyn Error| format!("cannot read the key in `{}`: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
    Ok(text.trim().parse().map_err(|error: crate::webhooks::WebhookKeyError| cannot(&error))?)
}
