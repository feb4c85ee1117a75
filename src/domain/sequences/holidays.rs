//! Days that are no business days, typed in or pasted: waits in business time leave them out like weekends.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts;
use crate::domain::error::{Error, Result};
use crate::domain::{settings, text};

use super::queries;

/// Most days of the list.
pub const MOST: usize = 1000;

/// A day that is no business day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The day, such as 2026-12-25.
    pub day: Date,
    /// What it is called; may be empty.
    pub name: String,
}

impl Holiday {
    /// "2026-12-25 Christmas Day", as it is typed.
    pub fn in_line(&self) -> String {
        format!("{} {}", self.day, self.name).trim_end().to_owned()
    }
}

/// Reads lines of a day and, behind it, a name.
pub fn of_lines(lines: &str) -> Result<Vec<Holiday>> {
    let line = |(at, line): (usize, &str)| {
        let (day, name) = line.trim().split_once([' ', '\t', ',', ';']).unwrap_or((line.trim(), ""));
        let wrong = || {
            let detail = format!("holidays, line {}: begin with a day, such as 2026-12-25 Christmas Day; got \"{}\".", at + 1, text::excerpt(line));
            Error::invalid("field_invalid", "holidays", detail)
        };
        let day = Some(day).filter(|day| day.len() == 10).and_then(|day| day.parse().ok()).ok_or_else(wrong)?;
        Ok(Holiday { day, name: text::line("holidays", name.trim_start_matches([',', ';', ' ']), 100)? })
    };
    lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

/// The list, by day.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Holiday>> {
    actor.must_have(Scope::Read)?;
    all(conn)
}

fn all(conn: &mut Conn) -> Result<Vec<Holiday>> {
    match settings::get(conn, settings::HOLIDAYS)? {
        Some(text) => serde_json::from_str(&text).map_err(Error::internal),
        None => Ok(vec![]),
    }
}

/// The days alone.
pub(super) fn days(conn: &mut Conn) -> Result<BTreeSet<Date>> {
    Ok(all(conn)?.into_iter().map(|holiday| holiday.day).collect())
}

/// Sets the list; a day that is there twice is kept once. It holds for those who wait as well.
pub fn set(conn: &mut Conn, actor: &Actor, given: &[Holiday], now: Time) -> Result<Vec<Holiday>> {
    actor.must_manage()?;
    let list: BTreeMap<Date, &Holiday> = given.iter().rev().map(|holiday| (holiday.day, holiday)).collect();
    if list.len() > MOST {
        return Err(Error::invalid("field_invalid", "holidays", format!("holidays must be at most {MOST} days; got {}.", list.len())));
    }
    let list = list
        .into_values()
        .map(|holiday| Ok(Holiday { day: holiday.day, name: text::line("holidays", &holiday.name, 100)? }))
        .collect::<Result<Vec<Holiday>>>()?;
    transaction(conn, |conn| {
        let before = all(conn)?;
        if before != list {
            settings::set(conn, settings::HOLIDAYS, &serde_json::to_string(&list).map_err(Error::internal)?)?;
            count_anew(conn)?;
            let detail = json!({"before": before, "after": list});
            let entry = Entry { action: "holidays.change", target_kind: "installation", target_id: "all", mailbox_id: None, detail };
            audit::record(conn, actor, entry, now)?;
        }
        Ok(list)
    })
}

/// Those who wait in business time wait by the list as it is now.
fn count_anew(conn: &mut Conn) -> Result<()> {
    for id in queries::under_way(conn)? {
        let Some(row) = queries::held(conn, &id)? else { continue };
        for (place, step) in row.steps.iter().enumerate() {
            if step.wait_business_days + step.wait_business_hours == 0 {
                continue;
            }
            for (enrollment, contact, since) in queries::waiting_since(conn, &id, i32::try_from(place).unwrap_or(i32::MAX))? {
                let contact = contacts::row(conn, &contact)?;
                let at = row.due(conn, place, &contact, since)?;
                queries::set_ready(conn, &enrollment, at)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_are_pasted() {
        let read = |lines: &str| of_lines(lines).map(|all| all.iter().map(Holiday::in_line).collect::<Vec<_>>());
        assert_eq!(
            read("2026-12-25 Christmas Day\n\n 2026-12-26\tBoxing Day\r\n2027-01-01,New Year\n2027-01-06\n").unwrap(),
            ["2026-12-25 Christmas Day", "2026-12-26 Boxing Day", "2027-01-01 New Year", "2027-01-06"]
        );
        for wrong in ["25.12.2026", "Christmas 2026-12-25", "2026-02-30", "2026-12-25T00:00", "2026-1-1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
