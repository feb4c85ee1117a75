//! People who do not exist, to whom tests of the desk are addressed. They stand among the
//! contacts because a message needs one, and are left out wherever contacts are listed.

use crate::clock::Time;
use crate::db::Conn;
use crate::db::types::Json;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Result;
use crate::domain::ids::ContactId;

use super::{ContactRow, Customer, consents, queries};

/// Whether somebody has this address already.
pub(in crate::domain) fn is_known(conn: &mut Conn, address: &str) -> Result<bool> {
    Ok(queries::by_email(conn, EmailAddress::parse("email", address)?.key())?.is_some())
}

/// Whether this is the address of somebody who does not exist.
pub(in crate::domain) fn is_address_of_one(conn: &mut Conn, address: &str) -> Result<bool> {
    match queries::by_email(conn, EmailAddress::parse("email", address)?.key())? {
        Some(row) => Ok(queries::is_made_up(conn, &row.id)?),
        None => Ok(false),
    }
}

/// Adds a made-up person with the subscription of a real one, so that what a copied letter
/// says of it holds. Nothing that names the real one is taken over.
pub(in crate::domain) fn add(conn: &mut Conn, like: &ContactId, name: &str, company: &str, address: &str, now: Time) -> Result<ContactRow> {
    let email = EmailAddress::parse("email", address)?;
    let row = ContactRow {
        id: ContactId::new(),
        email: email.as_str().to_owned(),
        email_key: email.key().to_owned(),
        name: Some(name.to_owned()),
        metadata: Json::new(serde_json::Map::new()),
        time_zone: None,
        created_at: now,
        updated_at: now,
        erased_at: None,
        absent_until: None,
    };
    queries::insert(conn, &row)?;
    if let Some(customer) = queries::customer(conn, like)? {
        let company = customer.company.as_ref().map(|_| company.to_owned());
        queries::put_customer(conn, &Customer { contact_id: row.id.clone(), company, ..customer })?;
    }
    consents::copy(conn, like, &row.id)?;
    Ok(row)
}
