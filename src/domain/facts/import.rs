//! A row of a CSV file as a fact.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;

use super::{Body, Kind, State, fields, queries, record};

/// Takes a row; whether it said something that was not known. A row of a known key becomes a new version of it.
pub(in crate::domain) fn take(
    conn: &mut Conn,
    actor: &Actor,
    kind: Kind,
    headers: &[String],
    row: &csv::StringRecord,
    file: &str,
    now: Time,
) -> Result<bool> {
    let column = |name: &str| row.get(headers.iter().position(|header| header == name)?).map(str::to_owned);
    let body = fields::read(kind, &column).and_then(Body::check)?;
    let source = format!("imported from {file}");
    match queries::by_key(conn, body.kind(), &body.key())? {
        None => record::insert(conn, actor, None, body, &source, State::Current, now).map(|_| true),
        Some(known) => {
            let version = known.version;
            Ok(record::write(conn, actor, known, body, &source, now)?.version != version)
        }
    }
}
