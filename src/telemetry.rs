//! What a request looks like in the log: its route, never its path. Paths hold tokens
//! of invitations and unsubscribe links, and queries hold addresses.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use tracing::{Span, field};
use tracing_actix_web::{DefaultRootSpanBuilder, RootSpanBuilder};

/// Builds the span around a request.
pub struct Requests;

impl RootSpanBuilder for Requests {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
        // The door of the API puts the id there.
        tracing::info_span!("request", method = %request.method(), route, request_id = field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        DefaultRootSpanBuilder::on_request_end(span, outcome);
    }
}
