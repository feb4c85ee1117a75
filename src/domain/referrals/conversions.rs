//! What came of a recommendation: a sign-up or a purchase, told by whoever runs the programme.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, ReferralId, RowId, sha256_hex};
use crate::domain::{text, webhooks};

use super::{Owned, queries};

/// A row of `referral_conversions`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::referral_conversions)]
pub struct Conversion {
    /// Its id.
    pub id: RowId,
    /// Of which referral.
    pub referral_id: ReferralId,
    /// The id that the caller gave.
    pub external_id: Option<String>,
    /// SHA-256 of the new customer's address: it is compared and never shown.
    pub email_hash: Option<String>,
    /// The new customer, where they are a contact.
    pub contact_id: Option<ContactId>,
    /// What it was worth, in minor units.
    pub value_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Who recorded it, by name.
    pub recorded_by: String,
    /// When.
    pub created_at: Time,
}

/// A conversion to be recorded.
#[derive(Debug, Clone, Default)]
pub struct NewConversion {
    /// An id; a second conversion with it is the first one.
    pub external_id: Option<String>,
    /// The new customer's address.
    pub email: Option<String>,
    /// What it was worth, in minor units.
    pub value_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// What came of recording.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The referral as it is now, and who recommended.
    pub referral: Owned,
    /// The conversion.
    pub conversion: Conversion,
    /// Whether it was recorded now; otherwise it was there.
    pub new: bool,
}

/// Records a conversion, once for each id and for each new customer. Nobody recommends to themselves.
pub fn convert(conn: &mut Conn, actor: &Actor, id: &ReferralId, new: &NewConversion, now: Time) -> Result<Converted> {
    actor.must_manage_or_have(Scope::Draft)?;
    let external_id = text::optional_line("id", new.external_id.as_deref(), 200)?;
    let email = new.email.as_deref().map(|email| EmailAddress::parse("email", email)).transpose()?;
    if external_id.is_none() && email.is_none() {
        return Err(Error::invalid("field_invalid", "id", "Give id or email, so that a conversion can be told from the same one sent twice."));
    }
    let currency = worth(new)?;
    transaction(conn, |conn| {
        queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("referral"))?;
        let row = queries::held(conn, id)?;
        let referrer = contacts::row(conn, &row.contact_id)?;
        if email.as_ref().is_some_and(|email| bare(email.key()) == bare(&referrer.email_key)) {
            return Err(Error::invalid("self_referral", "email", "Nobody can recommend to themselves. Nothing was recorded."));
        }
        let email_hash = email.as_ref().map(|email| sha256_hex(bare(email.key()).as_bytes()));
        if let Some(known) = external_id.as_deref().map(|id| queries::conversion_by_external_id(conn, id)).transpose()?.flatten() {
            if known.referral_id != *id {
                return Err(Error::conflict("conversion_taken", "This conversion was recorded for another referral. It counts once."));
            }
            return Ok(Converted { referral: (row, referrer), conversion: known, new: false });
        }
        if let Some(known) = email_hash.as_deref().map(|hash| queries::conversion_by_email(conn, id, hash)).transpose()?.flatten() {
            return Ok(Converted { referral: (row, referrer), conversion: known, new: false });
        }
        let customer = email.map(|email| contacts::by_address(conn, &Actor::System("referral"), &email)).transpose()?.flatten();
        let conversion = Conversion {
            id: RowId::new(),
            referral_id: id.clone(),
            external_id,
            email_hash,
            contact_id: customer.map(|customer| customer.id),
            value_minor: new.value_minor,
            currency,
            recorded_by: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert_conversion(conn, &conversion)?;
        queries::count_conversion(conn, id, now)?;
        let row = queries::held(conn, id)?;
        let detail = json!({"conversion": conversion.id, "value": conversion.value_minor, "currency": conversion.currency});
        audit::record(
            conn,
            actor,
            Entry { action: "referral.convert", target_kind: "referral", target_id: id.as_str(), mailbox_id: None, detail },
            now,
        )?;
        webhooks::referral_converted(conn, &row, &referrer, &conversion, now)?;
        Ok(Converted { referral: (row, referrer), conversion, new: true })
    })
}

/// The currency of a value that can be kept.
fn worth(new: &NewConversion) -> Result<Option<String>> {
    match (new.value_minor, new.currency.as_deref().map(str::trim)) {
        (Some(value), _) if value < 0 => Err(Error::invalid("field_invalid", "value", format!("value must not be below 0; got {value}."))),
        (Some(_), Some(currency)) if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Ok(Some(currency.to_ascii_uppercase()))
        }
        (None, None) => Ok(None),
        _ => Err(Error::invalid(
            "field_invalid",
            "currency",
            "Give value (in minor units) and currency (three letters, such as EUR) together or neither.",
        )),
    }
}

/// An address without what stands behind a plus: the same person by a common trick.
fn bare(key: &str) -> String {
    match key.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or_default()),
        None => key.to_owned(),
    }
}
