//! REST: `/v1` for mail with oversight, `/api/v1` for churn events and recovery.

mod cancel_flow;
pub(crate) mod claims;
pub(crate) mod contacts;
pub(crate) mod error;
pub(crate) mod facts;
mod hooks;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub(crate) mod oversight;
pub(crate) mod recovery;
pub(crate) mod shapes;
pub(crate) mod usage;
pub(crate) mod vigilance;
mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

pub use error::status;

/// Largest JSON body taken, in bytes.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::scope("/v1")
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .route("/contacts/search", web::get().to(contacts::search))
                .route("/contacts", web::post().to(contacts::upsert))
                .route("/contacts/{id}/tags", web::post().to(contacts::add_tags))
                .route("/contacts/{id}/tags/{tag}", web::delete().to(contacts::remove_tag))
                .route("/contacts/{id}", web::get().to(contacts::show))
                .route("/send", web::post().to(messages::send))
                .route("/mailboxes", web::get().to(mailboxes::list))
                .route("/mailboxes/{id}/send", web::post().to(messages::send_from))
                .route("/mailboxes/{id}/inbox", web::get().to(mailboxes::inbox))
                .route("/emails/{id}/tags", web::post().to(messages::add_tags))
                .route("/emails/{id}/cancel", web::post().to(messages::cancel))
                .route("/emails/{id}/decide", web::post().to(oversight::decide_one))
                .route("/emails", web::get().to(messages::list))
                .route("/emails/{id}", web::get().to(messages::show))
                .route("/emails/{id}", web::patch().to(messages::edit))
                .route("/emails/{id}/claims/{key}/waiver", web::post().to(claims::waive))
                .route("/claims/check", web::post().to(claims::check))
                .route("/facts", web::get().to(facts::list))
                .route("/facts", web::post().to(facts::create))
                .route("/facts/{id}", web::get().to(facts::show))
                .route("/facts/{id}", web::patch().to(facts::change))
                .route("/facts/{id}/accept", web::post().to(facts::accept))
                .route("/facts/{id}/revoke", web::post().to(facts::revoke))
                .route("/facts/{id}/recall", web::get().to(facts::show_recall))
                .route("/facts/{id}/corrections", web::post().to(facts::correct))
                .route("/product-updates", web::get().to(facts::updates))
                .route("/product-updates", web::post().to(facts::create_update))
                .route("/offers", web::get().to(facts::offers))
                .route("/offers", web::post().to(facts::create_offer))
                .route("/oversight/pending", web::get().to(oversight::pending))
                .route("/oversight/decide", web::post().to(oversight::decide))
                .route("/oversight/decide-batch", web::post().to(oversight::decide_batch))
                .route("/reports/demand", web::get().to(facts::demand))
                .route("/reports/vigilance", web::get().to(vigilance::show))
                .route("/webhooks/stripe", web::post().to(hooks::stripe))
                .route("/webhooks/events/{provider}", web::post().to(hooks::events))
                .route("/webhooks/generic/{source}", web::post().to(hooks::generic))
                .route("/cancel-flow/{source}", web::post().to(cancel_flow::report))
                .route("/cancel-flow/{source}", web::method(Method::OPTIONS).to(cancel_flow::preflight))
                .route("/usage-events", web::post().to(usage::record))
                .route("/contacts/{id}/usage", web::get().to(usage::show))
                .route("/webhooks", web::get().to(webhooks::list))
                .route("/webhooks", web::post().to(webhooks::create))
                .route("/webhooks/{id}", web::get().to(webhooks::show))
                .route("/webhooks/{id}", web::patch().to(webhooks::change))
                .route("/webhooks/{id}", web::delete().to(webhooks::delete))
                .route("/webhooks/{id}/rotate", web::post().to(webhooks::rotate))
                .route("/webhooks/{id}/test", web::post().to(webhooks::test))
                .route("/webhooks/{id}/deliveries", web::get().to(webhooks::log))
                .route("/webhooks/{id}/deliveries/{delivery}/replay", web::post().to(webhooks::replay))
                .default_service(web::to(not_found)),
        )
        .service(
            web::scope("/api/v1")
                .app_data(web::PayloadConfig::new(LARGEST_BODY))
                .route("/churn-events", web::post().to(recovery::create))
                .route("/churn-events", web::get().to(recovery::list))
                .route("/projects/{slug}/churn-events", web::post().to(recovery::create))
                .route("/churn-events/{id}", web::get().to(recovery::show))
                .route("/churn-events/{id}/recovered", web::post().to(recovery::recovered))
                .route("/churn-events/{id}/cancel-reason", web::patch().to(recovery::correct_reason))
                .route("/churn-events/{id}/matches", web::get().to(recovery::matches))
                .route("/churn-events/{id}/matches", web::post().to(recovery::judge))
                .route("/churn-events/{id}/generate", web::post().to(recovery::generate))
                .route("/churn-events/{id}/variants", web::get().to(recovery::variants))
                .route("/churn-events/{id}/variants/{vid}", web::patch().to(recovery::edit_variant))
                .route("/churn-events/{id}/variants/{vid}/send", web::post().to(recovery::send_variant))
                .default_service(web::to(recovery::not_found)),
        );
}

async fn not_found() -> Result<HttpResponse, error::Problem> {
    Err(crate::domain::error::Error::not_found("call").into())
}
