//! Whether anybody wrote to a SQLite file since it was looked at. What was found then still holds, and nobody has to look again.
//!
//! It is complete without knowing who writes what: SQLite itself says whether another connection committed, whatever that
//! changed and in whatever process, and every transaction of the one connection that writes here counts, but for those that
//! say that they touched nothing on which a check of another message rests.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;

use super::Conn;
use super::statement::Statement;

/// A moment of a SQLite file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Changes with each commit of another connection.
    pub(super) elsewhere: i64,
    /// Transactions of this process.
    pub(super) here: u64,
    /// Those of them that counted turns and nothing else.
    pub(super) turns: u64,
}

impl Stamp {
    /// Whether what a check found then still holds; turns may have been counted.
    pub fn is_as_at(self, earlier: Stamp) -> bool {
        (self.elsewhere, self.here) == (earlier.elsewhere, earlier.here)
    }
}

/// What a transaction may have changed of what others look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// Nobody knows.
    Anything,
    /// Whose turn it is and how many had theirs, and rows of messages that this worker holds.
    Turns,
    /// Rows of messages that this worker holds, and what is written about them.
    OwnRows,
}

/// A number that is another one after each commit of another connection.
pub(super) fn elsewhere(conn: &mut Conn) -> diesel::QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    let mut statement = Statement::kept();
    statement.push("PRAGMA data_version");
    let rows = statement.load::<Version>(conn)?;
    rows.first().map(|row| row.data_version).ok_or(diesel::result::Error::NotFound)
}
