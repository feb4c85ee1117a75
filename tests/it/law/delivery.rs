//! What the way of a message needs, and what comes back.

use countersign::catcher::Behaviour;
use countersign::domain::messages::{DecisionKind, State};
use serde_json::json;

use super::approve_and_send;
use crate::support::Desk;

/// RFC 6531: a local part outside of ASCII only where the relay says that it can.
#[actix_web::test]
async fn l_32_an_address_outside_of_ascii_needs_a_relay_that_can() {
    let able = Desk::new().await;
    let message = able.pending("jörg@example.com", json!({})).await;
    assert_eq!(approve_and_send(&able, &message).await, 1);
    let unable = Desk::with(Behaviour::new().without("SMTPUTF8")).await;
    let message = unable.pending("jörg@example.com", json!({})).await;
    unable.decide("Rita", &message, DecisionKind::Approve).unwrap();
    unable.drain().await;
    assert!(unable.catcher.messages().is_empty());
    let kept = unable.message(message.row.id.as_str()).row;
    assert_eq!(kept.state, State::Failed);
    assert!(kept.state_reason.unwrap_or_default().contains("SMTPUTF8"));
}
