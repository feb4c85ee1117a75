//! Pages: server-rendered, working without a script, quicker with one.

mod account;
mod allowed;
mod api_changes;
mod assets;
mod audit;
mod batches;
mod calls;
mod campaigns;
mod caught;
mod chart;
mod churn;
mod churn_query;
mod claims;
mod compose;
mod customers;
mod delivery;
mod demand;
mod desk;
mod device;
mod diff;
mod doctor;
mod errors;
mod events;
mod facts;
mod form;
mod heads;
mod holding;
mod imports;
mod inactivity;
mod inbox;
mod keys;
mod leads;
pub mod list_query;
mod mailboxes;
mod messages;
mod migrations;
mod overview;
mod page;
mod passkeys;
mod preferences;
pub mod preview;
mod privacy;
mod provider;
mod public;
mod reference;
mod referrals;
mod reports;
mod reset;
mod routes;
mod rules;
mod second_factor;
mod segments;
mod sending;
mod sequences;
mod session;
mod shortcuts;
mod sign_in;
mod sources;
mod templates;
mod trials;
mod uncertain;
mod users;
mod verify;
pub mod views;
mod vigilance;
mod webhooks;
mod winback_rules;

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_web::cookie::{Key, SameSite, time::Duration};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

pub use imports::limits as upload_limits;
pub use routes::{Access, ROUTES, Route};

/// Idle time after which a session ends, in hours.
pub const SESSION_HOURS: i64 = 12;

/// A stored word as people read it: `payment_failed` becomes "payment failed".
pub(crate) fn spaced(word: impl std::fmt::Display) -> String {
    word.to_string().replace('_', " ")
}

/// The key that signs session cookies.
#[derive(Clone)]
pub struct CookieKey(pub Key);

/// Registers all pages behind the guard that knows who may see what.
pub fn configure(state: &crate::app::State, cookie_key: &CookieKey, config: &mut ServiceConfig) {
    let sessions = SessionMiddleware::builder(session::Store::new(state.db.clone()), cookie_key.0.clone())
        .cookie_name("__Host-countersign".to_owned())
        .cookie_secure(true)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .session_lifecycle(PersistentSession::default().session_ttl(Duration::hours(SESSION_HOURS)))
        .build();
    config.route("/static/{path:.*}", web::get().to(assets::serve)).service(
        web::scope("")
            .app_data(web::PayloadConfig::new(form::LARGEST))
            .app_data(web::QueryConfig::default().error_handler(|_, _| errors::query_unreadable().into()))
            .wrap(from_fn(page::guard))
            .wrap(sessions)
            .configure(routes::register)
            .default_service(web::to(errors::not_found)),
    );
}
