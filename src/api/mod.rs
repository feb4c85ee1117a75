//! REST: `/v1` for mail with oversight, `/api/v1` for churn events and recovery.

pub(crate) mod claims;
pub(crate) mod contacts;
pub(crate) mod described;
pub(crate) mod error;
pub(crate) mod facts;
mod hooks;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub mod openapi;
pub mod operations;
pub(crate) mod oversight;
pub(crate) mod recovery;
mod reference;
pub(crate) mod shapes;
pub(crate) mod vigilance;
mod webhooks;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

pub use error::status;

/// Largest JSON body taken, in bytes.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;

/// Registers the calls.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::scope("/v1")
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .configure(|config| operations::register("/v1", config))
                .default_service(web::to(not_found)),
        )
        .service(
            web::scope("/api/v1")
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .configure(|config| operations::register("/api/v1", config))
                .default_service(web::to(recovery::not_found)),
        );
}

async fn not_found() -> Result<HttpResponse, error::Problem> {
    Err(crate::domain::error::Error::not_found("call").into())
}
