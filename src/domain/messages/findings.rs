//! Findings of messages as they are stored, and the rule that each must be ticked.

use serde_json::{Value, json};

use crate::db::Conn;
use crate::domain::error::{Error, Result};
use crate::domain::facts;

use super::inspect::{Finding, Known, inspect};
use super::{Content, MessageRow, VersionRow};

/// Looks through messages, with the hosts that recipients know read once.
#[derive(Debug, Clone)]
pub struct Inspector {
    known: Known,
}

impl Inspector {
    /// Reads the hosts that recipients know.
    pub fn new(conn: &mut Conn) -> Result<Inspector> {
        Ok(Inspector { known: Known::new(&facts::trusted_hosts(conn)?) })
    }

    /// The findings of one version, those that need a tick first.
    pub fn look(&self, version: &VersionRow) -> Vec<Finding> {
        inspect(&Content::from(version), &self.known)
    }
}

/// The findings of one version, those that need a tick first.
pub fn of_version(conn: &mut Conn, version: &VersionRow) -> Result<Vec<Finding>> {
    Ok(Inspector::new(conn)?.look(version))
}

/// Refuses an approval while a finding that needs a tick has none. Returns those that were ticked, for the record.
pub(super) fn refuse_unticked(conn: &mut Conn, row: &MessageRow, ticked: &[String]) -> Result<Vec<Value>> {
    let version = super::version(conn, &row.id, row.version)?;
    let mut noted = vec![];
    for finding in of_version(conn, &version)?.into_iter().filter(Finding::needs_tick) {
        if !ticked.contains(&finding.key) {
            let (what, words) = (finding.kind.label(), finding.words);
            let detail = format!("{what}: \u{201C}{words}\u{201D}. {} Look at it and tick it, or edit it, then approve.", finding.why);
            return Err(Error::conflict("findings_open", detail).with_hint("The findings of the message name each one; give the keys in \"ticked\"."));
        }
        noted.push(json!({"key": finding.key, "kind": finding.kind, "words": finding.words}));
    }
    Ok(noted)
}
