//! Live updates as server-sent events. Pages work without them.

use std::convert::Infallible;

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::errors::PageError;
use super::page::Person;
use crate::app::State;
use crate::domain::error::Error;
use crate::feed::Update;

#[derive(Deserialize)]
pub(super) struct Wanted {
    list: Option<String>,
}

pub(super) async fn events(
    person: Person,
    state: web::Data<State>,
    wanted: web::Query<Wanted>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.contains("text/event-stream") {
        return Err(Error::bad_request("events_only", "This address speaks to pages, not to people. Go back to the queue.").into());
    }
    let with_new = wanted.list.as_deref() == Some("1");
    let listener = state.feed.listen(&state, &person.actor).await?;
    let events = stream::unfold(listener, move |mut listener| async move {
        let update = listener.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event(&update, with_new))), listener))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        // Neither the compression here nor a proxy may hold events back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(events))
}

fn event(update: &Update, with_new: bool) -> String {
    match update {
        Update::Hello(pending) => format!("retry: 3000\nevent: hello\ndata: {}\n\n", json!({"pending": pending})),
        Update::Change(change) => {
            let mut data = json!({"id": change.id, "state": change.state, "version": change.version, "by": change.by, "action": change.action});
            if with_new && change.pending {
                data["pending"] = json!(true);
            }
            format!("event: change\ndata: {data}\n\n")
        }
        Update::Presence(changed) => format!("event: presence\ndata: {}\n\n", json!(changed)),
        Update::Count(pending) => format!("event: count\ndata: {}\n\n", json!({"pending": pending})),
        Update::Beat => ": beat\n\n".to_owned(),
    }
}
