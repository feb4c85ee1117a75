//! Following a link: counted at most once for each visitor and day, without a cookie and without keeping an address.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::Result;
use crate::domain::ids::{ReferralId, secret, sha256_hex};
use crate::domain::outbox::uncertain;
use crate::domain::{contacts, facts, webhooks};

use super::{Referral, queries};

/// Visitors of one link that are counted in a day; more are led on and not counted.
const MOST_A_DAY: i64 = 1000;

/// Where a link leads; nothing where it is unknown or its target is no longer allowed. Looking counts nothing.
pub fn leads_to(conn: &mut Conn, code: &str) -> Result<Option<Referral>> {
    let Some(row) = queries::by_code(conn, code)? else { return Ok(None) };
    Ok((row.by_admin || facts::allows_link(conn, &row.target_url)?).then_some(row))
}

/// Counts a visitor of a link. `visitor` says who it is, such as network address and browser; only a hash of it is
/// kept, with a salt that is thrown away when the day ends in UTC.
pub fn count(conn: &mut Conn, id: &ReferralId, visitor: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        let salt = salt(conn, now)?;
        let visitor = sha256_hex(format!("{salt}\n{visitor}").as_bytes());
        // The row is held from here on, so that two of one visitor take turns.
        let row = queries::held(conn, id)?;
        if queries::was_here(conn, id, &visitor)? || queries::visitors(conn, id)? >= MOST_A_DAY {
            return Ok(());
        }
        queries::insert_visitor(conn, id, &visitor, &now.date().to_string())?;
        queries::count_click(conn, id, now)?;
        let contact = contacts::row(conn, &row.contact_id)?;
        let detail = json!({"clicks": row.clicks + 1});
        let entry = Entry { action: "referral.click", target_kind: "referral", target_id: id.as_str(), mailbox_id: None, detail };
        audit::record(conn, &Actor::System("visitor"), entry, now)?;
        uncertain::settle_by_click(conn, &row.contact_id, &format!("/r/{}", row.code), now)?;
        webhooks::referral_clicked(conn, &row, &contact, now)
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
