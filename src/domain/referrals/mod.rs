//! Referrals: a link for each contact who recommends, its clicks, and what came of them. Rewards are the business of
//! whoever runs the programme; they are told by webhook.

mod clicks;
mod conversions;
mod eligible;
pub mod fatigue;
pub mod program;
pub(in crate::domain) mod prompts;
mod queries;
pub mod rewards;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, ContactRow, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MessageId, ReferralId, code};
use crate::domain::paging::Page;
use crate::domain::{facts, settings, text};

pub use clicks::{count, leads_to};
pub use conversions::{Conversion, Converted, NewConversion, convert};
pub use eligible::{Candidate, Wanted, eligible};
pub use fatigue::{COOLDOWN_DAYS, MOST_ASKS, MOST_IGNORED};
pub use rewards::{Given, NewReward, Reward, Totals, give, remind};

/// A row of `referrals`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::referrals)]
pub struct Referral {
    /// Its id.
    pub id: ReferralId,
    /// Who recommends.
    pub contact_id: ContactId,
    /// The end of the link.
    pub code: String,
    /// Where the link leads.
    pub target_url: String,
    /// Whether an administrator chose the target; otherwise it stands only as long as an allowed link covers it.
    pub by_admin: bool,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// What came of them.
    pub conversions: i64,
    /// The latest visitor.
    pub last_click_at: Option<Time>,
    /// The latest conversion.
    pub last_conversion_at: Option<Time>,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
}

/// A referral with who recommends.
pub type Owned = (Referral, ContactRow);

impl Referral {
    /// The link to give away.
    pub fn link(&self, base_url: &str) -> String {
        format!("{base_url}/r/{}", self.code)
    }
}

/// What came of asking for a link.
#[derive(Debug, Clone)]
pub struct Made {
    /// The referral and who recommends.
    pub referral: Owned,
    /// Whether it was made now; otherwise it was there.
    pub new: bool,
}

/// The link of a contact to a target. There is one for each contact and target.
pub fn create(conn: &mut Conn, actor: &Actor, who: &Named, target_url: &str, now: Time) -> Result<Made> {
    let by_admin = actor.is_admin();
    if !by_admin {
        actor.must_manage_or_have(Scope::Draft)?;
    }
    let target_url = target(target_url)?;
    transaction(conn, |conn| {
        if !by_admin && !facts::allows_link(conn, &target_url)? {
            return Err(Error::invalid(
                "url_not_allowed",
                "target_url",
                "target_url must be a link that may stand in mail: no allowed link covers it.",
            )
            .with_hint("Ask an administrator to add it to the facts as an allowed link, or to make the referral."));
        }
        let contact = contacts::meant(conn, actor, who, now)?;
        // Two that ask for the same contact take turns.
        let contact = contacts::held_row(conn, &contact.id)?;
        if let Some(known) = queries::of_contact_to(conn, &contact.id, &target_url)? {
            return Ok(Made { referral: (known, contact), new: false });
        }
        let row = Referral {
            id: ReferralId::new(),
            contact_id: contact.id.clone(),
            code: code(),
            target_url,
            by_admin,
            clicks: 0,
            conversions: 0,
            last_click_at: None,
            last_conversion_at: None,
            created_by: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert(conn, &row)?;
        facts::refresh(conn, &contact.id, now)?;
        let detail = json!({"contact": contact.id});
        audit::record(
            conn,
            actor,
            Entry { action: "referral.add", target_kind: "referral", target_id: row.id.as_str(), mailbox_id: None, detail },
            now,
        )?;
        Ok(Made { referral: (row, contact), new: true })
    })
}

/// The referrals, newest first, of everybody or of one contact.
pub fn list(conn: &mut Conn, actor: &Actor, who: Option<&Named>, limit: usize, before: Option<&ReferralId>) -> Result<Page<Owned>> {
    actor.must_have(Scope::Read)?;
    let contact = who.map(|who| contacts::meant_among_known(conn, actor, who)).transpose()?;
    Ok(Page::cut(queries::list(conn, contact.map(|contact| contact.id).as_ref(), limit, before)?, limit))
}

/// One referral with what came of it, the latest first, at most 100.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ReferralId) -> Result<(Owned, Vec<Conversion>)> {
    actor.must_have(Scope::Read)?;
    let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("referral"))?;
    let contact = contacts::row(conn, &row.contact_id)?;
    let conversions = queries::conversions(conn, id, 100)?;
    Ok(((row, contact), conversions))
}

/// Whether a message tells of a reward that is on record.
pub(in crate::domain) fn tells_of_reward(conn: &mut Conn, id: &MessageId) -> Result<bool> {
    Ok(queries::tells_of_reward(conn, id)?)
}

/// The links of a contact, as they stand in mail.
pub(in crate::domain) fn links_of(conn: &mut Conn, contact: &ContactId) -> Result<Vec<String>> {
    let codes = queries::of_contact(conn, contact)?;
    if codes.is_empty() {
        return Ok(vec![]);
    }
    let base_url = settings::base_url(conn)?;
    Ok(codes.iter().map(|row| row.link(&base_url)).collect())
}

/// An address that a visitor can safely be led to.
fn target(given: &str) -> Result<String> {
    let given = text::required_line("target_url", given, 500)?;
    let fits = |url: &url::Url| url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none();
    match url::Url::parse(&given) {
        Ok(url) if fits(&url) => Ok(url.to_string()),
        _ => Err(Error::invalid(
            "field_invalid",
            "target_url",
            format!("target_url must be a web address that starts with https:// and names nobody; got \"{}\".", text::excerpt(&given)),
        )),
    }
}
