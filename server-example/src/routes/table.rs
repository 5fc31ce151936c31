//! Every address of this server, with its methods and who answers: the one list from which the router is made, and that the
//! description at `/openapi.json` and the tests are compared with.

use super::{
    accounts, assets, cases, changes, choices, dead_letters, decisions, demands, export, filter, health, identity,
    ledger, notices, openapi, problems, propagation, ready, receipts, record, replica, script, signals, state,
    unsubscribe, webhooks,
};
use crate::app::App;
use crate::cors;
use axum::Router;
use axum::routing::MethodRouter;

/// One address: a template as axum writes it, and the methods that it knows. Whatever knows `get` answers `head` as well (RFC 9110
/// section 9.3.2).
#[derive(Debug)]
pub struct Route {
    /// The template, such as `/v1/sites/{site}/choices`.
    pub path: &'static str,
    /// The methods, in lower case.
    pub methods: &'static [&'static str],
    answer: fn() -> MethodRouter<App>,
}

macro_rules! table {
    ($( $(#[$meta:meta])* $name:ident { $( $path:literal: $( $method:ident $handler:path ),+ ; )+ } )+) => {
        $(
            $(#[$meta])*
            pub(crate) const $name: &[Route] = &[ $( Route {
                path: $path,
                methods: &[ $( stringify!($method) ),+ ],
                answer: || MethodRouter::new()$(.$method($handler))+,
            }, )+ ];
        )+

        /// Every address, whoever it is for.
        pub fn routes() -> impl Iterator<Item = &'static Route> {
            [ $( $name ),+ ].into_iter().flatten()
        }
    };
}

table! {
    /// For the pages of a site's own origins. They count inside of CORS, so that a page may read that it has to wait.
    FOR_BROWSERS {
        "/v1/sites/{site}/choices": post choices::create, options cors::preflight;
        "/v1/sites/{site}/signals": post signals::create, options cors::preflight;
        "/v1/sites/{site}/demands": post demands::create, options cors::preflight;
        "/v1/sites/{site}/identity": post identity::create, options cors::preflight;
        "/v1/sites/{site}/record": get record::show, options cors::preflight;
        "/v1/sites/{site}/receipts/{id}": get receipts::show, options cors::preflight;
        "/v1/sites/{site}/export": get export::show, options cors::preflight;
        "/v1/sites/{site}/cases": get cases::own, post cases::create, options cors::preflight;
    }
    /// For whoever has a key, at an address that pages have, too. They count by the key.
    BESIDE_BROWSERS {
        "/v1/sites/{site}/export": post export::create;
    }
    /// For whoever has a key. They count by it.
    FOR_BACK_ENDS {
        "/v1/sites/{site}/accounts": post accounts::create;
        "/v1/sites/{site}/decisions": post decisions::create;
        "/v1/sites/{site}/filter": post filter::create;
        "/v1/sites/{site}/changes": get changes::show;
        "/v1/sites/{site}/replica": get replica::show;
        "/v1/sites/{site}/webhooks": get webhooks::list, post webhooks::create;
        "/v1/sites/{site}/webhooks/{webhook}": delete webhooks::remove;
        "/v1/sites/{site}/webhooks/{webhook}/rotate": post webhooks::rotate;
        "/v1/sites/{site}/webhooks/{webhook}/dead-letters": get dead_letters::list;
        "/v1/sites/{site}/webhooks/{webhook}/dead-letters/{seq}/retry": post dead_letters::retry;
        "/v1/sites/{site}/webhooks/{webhook}/confirmations": post propagation::confirm;
        "/v1/sites/{site}/propagation": get propagation::show;
        "/v1/sites/{site}/state": get state::show;
        "/v1/sites/{site}/cases/all": get cases::all;
        "/v1/sites/{site}/cases/{id}": post cases::change;
        "/v1/sites/{site}/unsubscribe-links": post unsubscribe::create_link;
    }
    /// For everybody.
    FOR_EVERYBODY {
        "/v1/sites/{site}/ledger/checkpoint": get ledger::checkpoint;
        "/v1/sites/{site}/ledger/keys": get ledger::keys;
        "/v1/sites/{site}/ledger/tile/{*tile}": get ledger::tile;
        "/v1/sites/{site}/notices/{hash}": get notices::show;
        "/v1/sites/{site}/unsubscribe/{token}": get unsubscribe::show, post unsubscribe::create;
        "/ready": get ready::show;
        "/openapi": get openapi::page;
        "/openapi.json": get openapi::document;
        "/problems/{name}": get problems::show;
        "/assets/{name}": get assets::show;
        "/{script}": get script::show;
    }
    /// These cost nothing, and a server that has too much to do is alive.
    FREE {
        "/health": get health::show;
    }
}

/// A router of these addresses.
pub(crate) fn router(routes: &[Route]) -> Router<App> {
    routes.iter().fold(Router::new(), |router, route| router.route(route.path, (route.answer)()))
}
