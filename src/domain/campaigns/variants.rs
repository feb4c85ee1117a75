//! Variants of a campaign's messages: who should get which, what came back of each, and more for a winner. What is drafted for
//! everybody follows them by itself; whoever writes messages one by one asks which variant somebody gets, and tags the message with it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit;
use crate::domain::contacts::{self, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CampaignId, ContactId, TemplateId};
use crate::domain::templates;
use crate::domain::text;
use crate::domain::trials::{self, Arm, MOST_VARIANTS, Measure, Verdict};

use super::{Campaign, held, log, may_change, queries, reached};

/// What the tags that name a variant begin with.
pub const TAG: &str = "variant_";

/// A variant that some should get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name; its messages carry the tag `variant_` and this.
    pub name: String,
    /// Of a hundred recipients so many get it.
    pub share: i32,
    /// What is drafted for them instead of the template that the others get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// The variants; none ends the comparison.
    pub variants: Option<Vec<Variant>>,
    /// By what they are measured.
    pub measure: Option<Measure>,
    /// Whether a winner gets more by itself.
    pub shifts: Option<bool>,
}

/// Says which variants there are, by what they are measured, and whether a winner gets more by itself.
pub fn compare(conn: &mut Conn, actor: &Actor, id: &CampaignId, wanted: &Comparison, now: Time) -> Result<Campaign> {
    may_change(actor)?;
    let variants = wanted.variants.as_deref().map(check).transpose()?;
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        let before = row.comparison();
        if let Some(variants) = variants {
            for template in variants.iter().filter_map(|one| one.template_id.as_ref()) {
                templates::chosen(conn, actor, template, None)?;
            }
            row.variants = Json::new(variants);
        }
        row.measure = wanted.measure.unwrap_or(row.measure);
        row.shifts = wanted.shifts.unwrap_or(row.shifts);
        row.updated_at = now;
        queries::update_comparison(conn, &row)?;
        log(conn, actor, "campaign.compare", &row, audit::changed(&before, &row.comparison()), now)?;
        Ok(row)
    })
}

fn check(variants: &[Variant]) -> Result<Vec<Variant>> {
    let wrong = |detail: String| Error::invalid("field_invalid", "variants", detail);
    if variants.is_empty() {
        return Ok(vec![]);
    }
    if !(2..=MOST_VARIANTS).contains(&variants.len()) {
        return Err(wrong(format!("variants must be 2 to {MOST_VARIANTS}, or none; got {}.", variants.len())));
    }
    let names: Vec<String> = variants.iter().map(|one| text::tag(&format!("{TAG}{}", one.name.trim()))).collect::<Result<_>>()?;
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() || variants.iter().any(|one| one.name.trim().is_empty()) {
        return Err(wrong("Each variant must have a name of its own.".to_owned()));
    }
    let sum: i32 = variants.iter().map(|one| one.share).fold(0, i32::saturating_add);
    if sum != 100 || variants.iter().any(|one| one.share < 1) {
        return Err(wrong(format!("The shares of variants must be at least 1 each and 100 together; got {sum}.")));
    }
    Ok(names.iter().zip(variants).map(|(tag, one)| Variant { name: tag[TAG.len()..].to_owned(), ..one.clone() }).collect())
}

/// Which variant a contact gets: the same one each time it is asked, as long as the shares stay.
pub fn assigned(conn: &mut Conn, actor: &Actor, id: &CampaignId, who: &Named) -> Result<Variant> {
    actor.must_have(Scope::Read)?;
    let row = reached(conn, actor, id)?;
    let contact = contacts::meant_among_known(conn, actor, who)?;
    let none = || Error::conflict("comparison_missing", "This campaign compares nothing now. Give it variants first.");
    place_of(&row, &contact.id).and_then(|place| row.variants.get(place).cloned()).ok_or_else(none)
}

/// The place of somebody's variant among those of the campaign, if it compares any.
pub(super) fn place_of(row: &Campaign, contact: &ContactId) -> Option<usize> {
    let shares: Vec<i32> = row.variants.iter().map(|one| one.share).collect();
    (!shares.is_empty()).then(|| trials::assign(row.id.as_str(), contact, &shares))
}

/// What came back of each variant, of the mailboxes within reach: those that are compared, and others that messages are tagged with.
pub fn arms(conn: &mut Conn, actor: &Actor, row: &Campaign) -> Result<Vec<Arm>> {
    actor.must_have(Scope::Read)?;
    of(conn, row, actor.mailboxes())
}

fn of(conn: &mut Conn, row: &Campaign, reach: &Mailboxes) -> Result<Vec<Arm>> {
    let mut counted = trials::queries::of_campaign(conn, &row.name, reach)?;
    let size = |n: i64| usize::try_from(n).unwrap_or(0);
    let mut arms = vec![];
    for one in row.variants.iter() {
        let had = counted.iter().position(|had| had.variant.strip_prefix(TAG) == Some(one.name.as_str())).map(|at| counted.remove(at));
        let (sent, replied, recovered) = had.map_or((0, 0, 0), |had| (size(had.sent), size(had.replied), size(had.recovered)));
        arms.push(Arm { name: one.name.clone(), share: Some(one.share), sent, replied, recovered });
    }
    arms.extend(counted.into_iter().map(|had| Arm {
        name: had.variant.strip_prefix(TAG).unwrap_or_default().to_owned(),
        share: None,
        sent: size(had.sent),
        replied: size(had.replied),
        recovered: size(had.recovered),
    }));
    Ok(arms)
}

/// Gives winners more where somebody asked for that.
pub fn shift_step(conn: &mut Conn, now: Time) -> Result<bool> {
    for id in queries::that_shift(conn)? {
        transaction(conn, |conn| {
            let Some(mut row) = queries::by_id(conn, &id)? else { return Ok(()) };
            let mut arms = of(conn, &row, &Mailboxes::All)?;
            arms.retain(|arm| arm.share.is_some());
            let Verdict::Winner(winner) = trials::verdict(&arms, row.measure) else { return Ok(()) };
            let wanted = trials::shifted(arms.len(), winner);
            let variants: Vec<Variant> = row.variants.iter().zip(&wanted).map(|(one, share)| Variant { share: *share, ..one.clone() }).collect();
            if *row.variants == variants {
                return Ok(());
            }
            let before = row.comparison();
            (row.variants, row.updated_at) = (Json::new(variants), now);
            queries::update_comparison(conn, &row)?;
            let mut detail = audit::changed(&before, &row.comparison());
            detail["winner"] = json!(arms[winner].name);
            log(conn, &Actor::System("comparison"), "campaign.shift", &row, detail, now)
        })?;
    }
    Ok(false)
}
