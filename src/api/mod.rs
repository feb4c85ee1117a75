//! REST: `/v1` for mail with oversight, `/api/v1` for churn events and recovery.

mod amazon;
pub(crate) mod api_changes;
pub(crate) mod audit;
pub(crate) mod backtest;
pub(crate) mod boxes;
mod calls;
pub(crate) mod campaigns;
mod cancel_flow;
pub(crate) mod claims;
pub(crate) mod cohorts;
pub(crate) mod consents;
pub(crate) mod contacts;
pub(crate) mod controls;
pub(crate) mod conversations;
pub(crate) mod delivery;
pub(crate) mod departures;
pub(crate) mod described;
pub(crate) mod door;
pub(crate) mod error;
mod exports;
pub(crate) mod facts;
mod hooks;
mod inbound;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod keys;
pub mod limits;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub(crate) mod migrations;
pub mod openapi;
pub mod operations;
pub(crate) mod oversight;
pub(crate) mod overview;
pub(crate) mod people;
pub(crate) mod policy;
pub(crate) mod preferences;
pub(crate) mod programs;
pub(crate) mod progress;
pub(crate) mod recovery;
mod reference;
pub(crate) mod referrals;
pub(crate) mod reports;
pub mod samples;
pub(crate) mod segments;
pub(crate) mod sending;
pub(crate) mod sequences;
pub(crate) mod shapes;
pub(crate) mod signals;
pub(crate) mod suppression;
pub(crate) mod templates;
mod trials;
pub(crate) mod turn;
pub(crate) mod usage;
pub(crate) mod vigilance;
mod webhooks;
pub(crate) mod winback_rules;
mod wording;

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

pub use error::status;

/// Largest JSON body taken, in bytes.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;

/// Registers the calls. The door stands inside of what it is told about the largest body.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::scope("/v1").app_data(web::PayloadConfig::new(LARGEST_BODY)).service(
            web::scope("").wrap(from_fn(door::guard)).configure(|config| operations::register("/v1", config)).default_service(web::to(not_found)),
        ))
        .service(
            web::scope("/api/v1").app_data(web::PayloadConfig::new(LARGEST_BODY)).service(
                web::scope("")
                    .wrap(from_fn(door::guard))
                    .configure(|config| operations::register("/api/v1", config))
                    .default_service(web::to(recovery::not_found)),
            ),
        );
}

async fn not_found() -> Result<HttpResponse, error::Problem> {
    Err(crate::domain::error::Error::not_found("call").into())
}
