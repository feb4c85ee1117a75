//! `/v1/inbound`: mail in, as it comes from a mail server or a provider's route.

use actix_web::{HttpResponse, web};
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Params;
use super::operations::{Access, Operation, post};
use crate::app::State;
use crate::clock;
use crate::domain::error::Error;
use crate::domain::inbound::{self, Arrived, ways};
use crate::inbound::mail::LONGEST;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/inbound/{token}", "receive_mail", "Take in a mail")
            .about(
                "The body is the mail itself (RFC 5322), at most 25 MiB. The token of the mailbox stands in the path; an administrator \
                 makes it on the page of the mailbox. A mail that came before changes nothing. One that cannot be read is kept and acted on by nobody.",
            )
            .open_to(Access::Public)
            .query::<Query>()
            .answers::<Answer>(200)
            .to(receive),
    ]
}

/// What the mail server knows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The address it was delivered to, where that is not the mailbox's.
    recipient: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MailTaken")]
pub struct Answer {
    /// Always true: it need not be sent again.
    received: bool,
    /// Its id.
    id: String,
    /// What it was taken for: bounce, delayed, complaint, auto_reply, reply, unsubscribe, other or unreadable.
    kind: &'static str,
    /// True where it came before.
    known: bool,
}

pub async fn receive(
    state: web::Data<State>,
    token: web::Path<String>,
    query: Params<Query>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    // Whose token it is comes first: nothing is read for a wrong one.
    let mailbox = state.read(move |conn| ways::of_token(conn, &token)).await?;
    let mut raw = web::BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Error::bad_request("body_unreadable", "The request body ended early. Send the mail again."))?;
        if raw.len() + piece.len() > LONGEST {
            return Err(Error::too_large("request body", LONGEST).into());
        }
        raw.extend_from_slice(&piece);
    }
    let recipient = query.0.recipient;
    let arrived = state.hear(&mailbox, Arrived::new(raw.to_vec(), recipient, clock::now())).await?;
    let taken = state.write(move |conn| inbound::take(conn, &mailbox, &arrived, clock::now())).await?;
    Ok(HttpResponse::Ok().json(Answer { received: true, id: taken.id.to_string(), kind: taken.kind.as_str(), known: taken.known }))
}
