//! Imports that go on beside the pages.

use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::churn::import::{self, Import, Parsed};

/// Imports the rows of a file that were not looked at yet, on a thread of its own.
pub fn go_on(state: &State, actor: Actor, import: Import, parsed: Parsed) {
    let db = state.db.clone();
    actix_web::rt::task::spawn_blocking(move || {
        if let Err(error) = import::run(&db, &actor, import, &parsed, clock::now, |_| {}) {
            tracing::error!(%error, "an import ended early");
        }
    });
}

/// Goes on with what another process left, or this one before it was stopped.
pub(super) async fn take_over(state: &State) {
    loop {
        match state.write(|conn| import::take_over(conn, clock::now())).await {
            Ok(Some((import, actor, parsed))) => go_on(state, actor, import, parsed),
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "an import that was left cannot go on; it is tried again"),
        }
    }
}
