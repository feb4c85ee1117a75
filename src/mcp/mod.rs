//! MCP at `/mcp`: the REST calls as tools, resources and prompts, over streamable HTTP without sessions.
//!
//! A tool reads its arguments with REST's strict reader and calls the function behind the
//! REST call, so that the checks and the error codes are the same. What is different here
//! is the wrapping: what comes next in words, and text from outside set apart.

mod advice;
mod answer;
mod apart;
mod campaigns;
mod churn;
mod claims;
mod cohorts;
mod consents;
mod contacts;
mod controls;
mod delivery;
mod door;
mod facts;
mod inbox;
mod keys;
mod mail;
mod mailboxes;
mod migration;
mod once;
mod oversight;
mod overview;
mod policy;
mod preferences;
mod programs;
mod progress;
mod prompts;
mod recall;
mod recovery;
mod referrals;
mod resources;
mod segments;
mod sending;
mod sequences;
mod server;
mod templates;
mod tool;
mod usage;
mod vigilance;
mod win_back;
mod winback_rules;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp_actix_web::transport::StreamableHttpService;

use crate::api::LARGEST_BODY;
use crate::app::State;
use once::Caller;
use server::Desk;

/// Registers `/mcp`.
pub fn configure(state: &State, config: &mut ServiceConfig) {
    let state = state.clone();
    let service = StreamableHttpService::builder()
        .service_factory(Arc::new(move || Ok(Desk::new(state.clone()))))
        // No sessions: any process behind a load balancer can answer any request.
        .session_manager(Arc::new(NeverSessionManager::default()))
        .stateful_mode(false)
        .json_response(true)
        .max_request_body_bytes(LARGEST_BODY)
        // The door checks Host and Origin, and says so in the words of the other errors.
        .allowed_hosts(vec![])
        .on_request_fn(|request: &HttpRequest, extensions| {
            if let Some(caller) = request.extensions().get::<Caller>() {
                extensions.insert(caller.clone());
            }
        })
        .build();
    config
        .service(web::scope("/mcp").app_data(web::PayloadConfig::new(LARGEST_BODY)).service(service.scope_with_path("").wrap(from_fn(door::guard))));
}
