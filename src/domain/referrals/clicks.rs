//! Following a link: counted at most once for each visitor and day, without a cookie and without keeping an address.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::Result;
use crate::domain::ids::{secret, sha256_hex};
use crate::domain::{contacts, facts, webhooks};

use super::queries;

/// Visitors of one link that are counted in a day; more are led on and not counted.
const MOST_A_DAY: i64 = 1000;

/// Where a link leads, and the click counted. `visitor` says who it is, such as network address and browser; only a
/// hash of it is kept, with a salt that is thrown away when the day ends in UTC. `None` where the link is unknown or
/// its target is no longer allowed.
pub fn click(conn: &mut Conn, code: &str, visitor: &str, now: Time) -> Result<Option<String>> {
    let Some(row) = queries::by_code(conn, code)? else { return Ok(None) };
    if !row.by_admin && !facts::allows_link(conn, &row.target_url)? {
        return Ok(None);
    }
    transaction(conn, |conn| {
        let salt = salt(conn, now)?;
        let visitor = sha256_hex(format!("{salt}\n{visitor}").as_bytes());
        // The row is held from here on, so that two of one visitor take turns.
        let row = queries::held(conn, &row.id)?;
        if queries::was_here(conn, &row.id, &visitor)? || queries::visitors(conn, &row.id)? >= MOST_A_DAY {
            return Ok(Some(row.target_url));
        }
        queries::insert_visitor(conn, &row.id, &visitor, &now.date().to_string())?;
        queries::count_click(conn, &row.id, now)?;
        let contact = contacts::row(conn, &row.contact_id)?;
        let detail = json!({"clicks": row.clicks + 1});
        let visitor = Actor::System("visitor");
        audit::record(
            conn,
            &visitor,
            Entry { action: "referral.click", target_kind: "referral", target_id: row.id.as_str(), mailbox_id: None, detail },
            now,
        )?;
        webhooks::referral_clicked(conn, &row, &contact, now)?;
        Ok(Some(row.target_url))
    })
}

/// The salt of this day. With the first click of a day, what was kept of the days before goes.
fn salt(conn: &mut Conn, now: Time) -> Result<String> {
    let day = now.date().to_string();
    if let Some(salt) = queries::salt(conn, &day)? {
        return Ok(salt);
    }
    queries::forget_before(conn, &day)?;
    queries::insert_salt(conn, &day, &secret())?;
    // Another process may have been quicker.
    Ok(queries::salt(conn, &day)?.unwrap_or_default())
}
